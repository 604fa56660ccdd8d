"""A switch is refused when the new release would lack features that the serving one has; on a real feature store."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.following import follow, follow_once, release_check
from serving.freshness import StaleFeatures
from serving.launch import Launch
from serving.pointers import read_fault, read_pointer
from tests.serving.materialized import materialize
from tests.serving.small_releases import PORTFOLIO, build_small

pytestmark = pytest.mark.integration

CLOSE = datetime(2026, 2, 1, tzinfo=UTC)
"""The end of the small releases' business date."""
OLD = datetime(2020, 2, 1, tzinfo=UTC)


@dataclass
class Champions:
    """A registry in a folder, with the champion that a test names."""

    folder: Path
    champion: str = ""
    fetched: list[str] = field(default_factory=list)

    def champion_sha(self, _portfolio: str) -> str:
        return self.champion

    def fetch(self, _portfolio: str, sha: str, to: Path) -> None:
        self.fetched.append(sha)
        shutil.copytree(self.folder / sha, to, dirs_exist_ok=True)


class House:
    """A service's home, the stores it reads, and a registry; no service runs."""

    def __init__(self, root: Path, online: str, *, replay: bool) -> None:
        self.champions = Champions(root / "built")
        self.launch = Launch(
            home=root / "home",
            bento=root,
            portfolios=(PORTFOLIO,),
            mlflow_uri="sqlite:///unused",
            mlflow_artifacts=root,
            feature_registry=f"sqlite:///{root}/registry.db",
            online_store=online,
            decision_log="sqlite:///unused",
            replay=replay,
        )
        self.check = release_check(self.launch)

    def materialize(self, view: str, until: datetime | None) -> None:
        materialize(view, until, registry=self.launch.feature_registry, online=self.launch.online_store)

    def build(self, slope: float, view: str = "behaviour") -> str:
        return build_small(self.champions.folder, slope=slope, view=view)

    def serve(self, sha: str) -> str | None:
        self.champions.champion = sha
        follow_once(self.launch.releases, PORTFOLIO, self.champions, self.check)
        return self.served()

    def served(self) -> str | None:
        return read_pointer(self.launch.releases, PORTFOLIO)


@pytest.fixture(params=["sqlite", "redis"])
def online(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/online.db" if request.param == "sqlite" else request.getfixturevalue("redis_url")


def test_a_release_with_a_view_that_was_never_materialized_waits_for_it(tmp_path: Path, online: str) -> None:
    house = House(tmp_path, online, replay=True)
    house.materialize("behaviour", CLOSE)
    house.materialize("spending", None)
    first, second = house.build(1.0), house.build(1.0, "spending")
    assert house.serve(first) == first
    with pytest.raises(
        StaleFeatures, match=r"spending was never materialized.*run materialize --portfolio small_cards"
    ):
        house.serve(second)
    # As the supervisor does it: told to everyone, and the last good release stays.
    assert follow(house.launch, house.champions, house.check, PORTFOLIO) is None
    assert "spending was never materialized" in (read_fault(house.launch.releases, PORTFOLIO) or "")
    assert house.served() == first
    house.materialize("spending", CLOSE)
    assert house.serve(second) == second


def test_features_are_judged_at_the_release_s_own_date_in_a_replay_and_now_else(tmp_path: Path) -> None:
    online = f"sqlite:///{tmp_path}/online.db"
    replay, today = House(tmp_path, online, replay=True), House(tmp_path, online, replay=False)
    replay.materialize("behaviour", datetime.now(UTC) + timedelta(hours=1))
    replay.materialize("spending", CLOSE - timedelta(days=40))
    first, second = replay.build(1.0), replay.build(1.0, "spending")
    today.serve(first)
    replay.materialize("spending", OLD)
    for house, at in ((replay, "2026-02-01"), (today, f"{datetime.now(UTC):%Y-%m-%d}")):
        with pytest.raises(StaleFeatures, match=f"spending is materialized up to 2020-02-01, over 40 days before {at}"):
            house.serve(second)
    replay.materialize("spending", CLOSE - timedelta(days=40))
    assert replay.serve(second) == second


def test_what_the_serving_release_lacks_too_is_a_warning_and_the_first_one_is_always_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path}/online.db", replay=False)
    house.materialize("behaviour", OLD)
    first, second = house.build(1.0), house.build(1.1)
    assert house.serve(first) == first
    assert house.serve(second) == second
    told = [record.found for record in caplog.records if record.message == "stale features"]  # type: ignore[attr-defined]
    assert ["2020-02-01" in one for one in told] == [True, True]


def test_when_what_serves_cannot_be_read_anything_is_better(tmp_path: Path) -> None:
    house = House(tmp_path, f"sqlite:///{tmp_path}/online.db", replay=True)
    house.materialize("behaviour", CLOSE)
    house.materialize("spending", None)
    first, second = house.build(1.0), house.build(1.0, "spending")
    house.serve(first)
    shutil.rmtree(house.launch.releases / first)
    assert house.serve(second) == second
