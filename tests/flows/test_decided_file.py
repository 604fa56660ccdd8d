"""`lendloop decide FILE` is repeatable: a file that failed or was killed half-way is simply run again."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import flows.deciding
import serving.log.decision_log
from flows.decided_rows import PART, OtherRequest
from flows.deciding import BadFile, _answers, decide_file
from flows.logging_keeping import open_anchors
from flows.workspace import open_settings_log
from infra.disk import disk_full
from infra.settings import Settings
from serving.asked import Asked
from serving.desk import Desk
from serving.log.decision_log import DecisionLog
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.record import Record
from serving.release import load_release
from tests.serving.log.examples import make_record
from tests.serving.small_releases import build_small, fresh_reader

NAME = "taiwan_cards"
AT = "2026-02-01T12:00:00Z"
NOW = datetime.fromisoformat(AT)


@dataclass(frozen=True)
class Place:
    """A home whose champion is a small one, and files of applications in it."""

    folder: Path
    log: DecisionLog

    def file(self, rows: int = 4, name: str = "apps.csv") -> Path:
        path = self.folder / name
        ids = [1 + row % 4 for row in range(rows)]
        pl.DataFrame({"entity_id": ids, "amount": [100.0 + row for row in range(rows)]}).write_csv(path)
        return path

    def logged(self) -> list[Record]:
        return list(self.log.read(NAME, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)))

    def links(self) -> int:
        return self.log.head().number


def test_a_column_that_nobody_knows_is_named_with_those_there_are(tmp_path: Path, place: Place) -> None:
    file = tmp_path / "apps.csv"
    file.write_text("entity_id,amout\n1,100\n")
    with pytest.raises(
        BadFile, match=r"apps\.csv: unknown column amout: expected one of amount, .*; did you mean 'amount'"
    ):
        decide_file(file, NAME, None, AT)


def erasure(entity: str) -> Erasure:
    return Erasure(NAME, entity, "anna", "asked", NOW, os.urandom(RANDOM_BYTES))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path / "home"))
    if request.param == "postgres":
        monkeypatch.setenv("LENDLOOP_DECISION_LOG", str(request.getfixturevalue("postgres_database")))
    (tmp_path / "home").mkdir()
    champion = Desk(load_release(tmp_path / build_small(tmp_path, portfolio=NAME)), fresh_reader(NOW))
    monkeypatch.setattr(flows.deciding, "_desk", lambda _: champion)
    log = open_settings_log(Settings())
    yield Place(tmp_path, log)
    log.close()


def test_a_file_again_is_answered_from_the_log(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file, first, second = place.file(), place.folder / "1.csv", place.folder / "2.csv"
    decide_file(file, NAME, first, AT)
    assert "before" not in capsys.readouterr().out
    decide_file(file, NAME, second, AT)
    assert "4 of the 4 rows were decided before, first at 2026-02-01 12:00 UTC" in capsys.readouterr().out
    assert first.read_bytes() == second.read_bytes()
    assert [record.entity_id for record in place.logged()] == ["1", "2", "3", "4"]
    assert place.log.verify().broken is None
    assert [anchor.number for anchor in open_anchors(Settings()).read()] == [place.links()]


def test_a_file_is_answered_where_its_end_cannot_be_signed(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (Settings().root() / "anchor.key").write_text("zz")
    decide_file(place.file(), NAME, place.folder / "1.csv", AT)
    assert "the log's end is not anchored" in capsys.readouterr().out
    assert (place.folder / "1.csv").exists()


def test_a_file_again_without_a_time_is_answered_from_the_log(place: Place) -> None:
    for _ in range(2):
        decide_file(place.file(), NAME, None, "")
    assert len(place.logged()) == 4


def test_the_same_file_on_another_day_is_decided_anew(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for moment, logged in ((NOW, 4), (NOW + timedelta(hours=1), 4), (NOW + timedelta(days=1), 8)):
        monkeypatch.setattr(flows.deciding, "given_time", lambda _at, moment=moment: moment)
        decide_file(place.file(), NAME, None, "")
        assert len(place.logged()) == logged


def test_another_time_portfolio_or_content_is_another_file(place: Place) -> None:
    decide_file(place.file(), NAME, None, AT)
    decide_file(place.file(), NAME, None, "2026-02-01T12:00:01Z")
    decide_file(place.file(), NAME, None, "2026-02-01T13:00:00+01:00")  # the first time, written otherwise
    assert len(place.logged()) == 8
    decide_file(place.file(5), NAME, None, AT)
    assert len(place.logged()) == 13


def test_a_part_is_one_commit_and_what_a_kill_left_is_gone_on_with(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, links = place.file(PART + 5), place.links()
    commit, parts = DecisionLog.commit, []

    def killed(log: DecisionLog, entries: Sequence[Any]) -> list[Any]:
        parts.append(len(entries))
        if len(parts) == 2:
            raise KeyboardInterrupt
        return list(commit(log, entries))

    monkeypatch.setattr(serving.log.decision_log.DecisionLog, "commit", killed)
    with pytest.raises(KeyboardInterrupt):
        decide_file(file, NAME, None, AT)
    assert (parts, place.links() - links, len(place.logged())) == ([PART, 5], 1, PART)
    decide_file(file, NAME, place.folder / "x.parquet", AT)
    assert f"{PART} of the {PART + 5} rows were decided before" in capsys.readouterr().out
    assert parts == [PART, 5, 5]
    told = pl.read_parquet(place.folder / "x.parquet")
    assert sorted(told["decision_id"]) == sorted(record.decision_id for record in place.logged())
    assert told["entity_id"].to_list() == [str(1 + row % 4) for row in range(PART + 5)]


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_part_is_decided_as_the_service_decides_one(place: Place) -> None:
    decide_file(place.file(), NAME, place.folder / "x.jsonl", AT)
    found = pl.read_ndjson(place.folder / "x.jsonl")
    assert found["outcome"].to_list() == ["approve", "decline", "review", "review"]
    assert [record.partner for record in place.logged()] == ["local"] * 4


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_no_place_for_the_answers_is_told_before_anything_is_decided(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.disk.free", lambda path: 100_000 if path.parent == place.folder else 10**12)
    with pytest.raises(OSError, match="expected 1 MiB or more") as told:
        decide_file(place.file(400), NAME, place.folder / "x.csv", AT)
    assert disk_full(told.value) is told.value
    monkeypatch.setattr(Path, "touch", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(PermissionError):
        decide_file(place.file(400), NAME, place.folder / "x.csv", AT)
    assert place.logged() == []
    assert [one.name for one in place.folder.iterdir() if one.name.startswith("x.csv")] == []


def test_people_erased_since_are_left_out_and_not_decided_again(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = place.file(), place.folder / "x.csv"
    decide_file(file, NAME, None, AT)
    place.log.erase(erasure("2"))
    decide_file(file, NAME, out, AT)
    assert "1 of them are of people erased since and are left out" in capsys.readouterr().out
    assert pl.read_csv(out)["entity_id"].to_list() == [1, 3, 4]
    for entity in "134":
        place.log.erase(erasure(entity))
    with pytest.raises(BadFile, match="nothing is left to tell"):
        decide_file(file, NAME, out, AT)
    assert len(place.logged()) == 4


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_a_row_that_is_read_otherwise_by_now_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    decide_file(place.file(), NAME, None, AT)
    monkeypatch.setattr(Asked, "digest", lambda *_: "0" * 64)
    with pytest.raises(OtherRequest, match=r"row 1 was decided before as another request.*--at"):
        decide_file(place.file(), NAME, None, AT)
    assert len(place.logged()) == 4


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_what_a_key_is_made_of_cannot_be_tried(place: Place) -> None:
    decide_file(place.file(), NAME, None, AT)
    keys = [record.idempotency_key for record in place.logged()]
    assert len({key.rpartition(" ")[0] for key in keys}) == 1
    with_key = place.log.vault.mark
    assert keys[0].startswith("file ")
    assert len(keys[0].split()[1]) == len(with_key(["x"])) == 32


def test_offers_that_come_late_in_a_file_are_told_in_every_form(tmp_path: Path) -> None:
    reasons = ({"code": "USE", "en": "Use.", "zh": "用。", "points": 1.5},)
    plain = make_record(offer={"limit": 100.0}, reasons=reasons)
    change = {"limit": 0.0, "change": {"field": "term_months", "to": 12}}
    late = replace(plain, offer=change), replace(plain, offer={"limit": 0.0, "amount": 250.0})
    rows = _answers([*[plain] * 120, *late])
    assert rows["counter_offer"].to_list()[-2:] == [None, 250.0]
    for name in ("x.csv", "x.jsonl", "x.parquet"):
        flows.deciding._write(rows, tmp_path / name)
        assert "term_months" in (tmp_path / name).read_bytes().decode("utf-8", "replace")
