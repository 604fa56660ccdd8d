from pathlib import Path

import pytest

from serving.partners.partner import Partner, make_partner
from serving.partners.quotas import LARGEST_LEASE, PART, Quotas, open_quotas


def shop(quota: str) -> Partner:
    return make_partner("shop", "decide", "*", quota, 5)


def granted(workers: list[Quotas], partner: Partner, at: float, asks: int) -> int:
    return sum(workers[ask % len(workers)].take(partner, at) is None for ask in range(asks))


@pytest.mark.parametrize(
    ("quota", "least"), [("1/s", 1), ("5/s", 5), ("49/m", 49), ("1000/h", 1000), ("20000/d", 20000)]
)
def test_workers_together_never_give_more_than_the_quota(tmp_path: Path, quota: str, least: int) -> None:
    workers = [open_quotas(tmp_path / "quotas.db") for _ in range(3)]
    assert granted(workers, shop(quota), 1_000_000.0, least + 500) == least


def test_what_idle_workers_hold_is_a_small_part(tmp_path: Path) -> None:
    workers = [open_quotas(tmp_path / "quotas.db") for _ in range(2)]
    assert workers[1].take(shop("1000/m"), 60.0) is None
    assert granted(workers[:1], shop("1000/m"), 60.0, 2000) == 1000 - min(1000 // PART, LARGEST_LEASE)


def test_there_is_more_in_the_next_window(tmp_path: Path) -> None:
    quotas = open_quotas(tmp_path / "quotas.db")
    partner = shop("1/m")
    assert [quotas.take(partner, at) for at in (60.0, 61.5, 119.9, 120.0, 120.1)] == [None, 59, 1, None, 60]


def test_a_worker_that_starts_again_goes_on_counting(tmp_path: Path) -> None:
    assert open_quotas(tmp_path / "quotas.db").take(shop("1/h"), 0.0) is None
    assert open_quotas(tmp_path / "quotas.db").take(shop("1/h"), 1.0) == 3599


def test_without_counts_requests_are_let_through(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    quotas = open_quotas(tmp_path / "quotas.db")
    quotas.close()
    assert granted([quotas], shop("1/h"), 0.0, 3) == 3
    assert "quotas not counted" in caplog.text


def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "quotas.db").write_bytes(b"no database" * 1000)
    assert open_quotas(tmp_path / "quotas.db").take(shop("1/h"), 0.0) is None
