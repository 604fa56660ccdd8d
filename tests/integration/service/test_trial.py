"""A challenger beside the champion in the real service: in its shadow, for some customers, and stopped by itself."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import polars as pl
import pytest

from serving.deployment import start
from serving.log.decision_log import open_log
from serving.log.record import Record
from serving.partners.partner import make_partner
from serving.pointers import read_workers
from serving.trial.note import REPORTS
from serving.trial.rows import ShadowRow, open_shadow
from tests.serving.deployed import Deployed, Load, add_partner, until
from tests.serving.materialized import materialize
from tests.serving.small_releases import PORTFOLIO, build_small

pytestmark = pytest.mark.integration

CUSTOMERS = list(range(1000, 1200))
START = datetime(2020, 1, 1, tzinfo=UTC)
NOBODY = 0.001  # a calibration so flat that every score is under the cut-off


class Trial:
    """The service of the other tests, with customers enough for a canary."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed, self.registry = deployed, deployed.registry
        deployed.started = start(deployed.launch)  # other tests may have stopped it
        self.trials, self.releases = deployed.registry.trials, deployed.launch.releases
        urls = {"registry": deployed.launch.feature_registry, "online": deployed.launch.online_store}
        day = datetime.now(UTC) - timedelta(days=1)
        rows = pl.DataFrame({"customer_id": CUSTOMERS}).with_columns(
            utilisation=pl.lit(0.1), late_streak=pl.lit(0.0), event_timestamp=pl.lit(day), created_timestamp=pl.lit(day)
        )
        materialize("behaviour", datetime.now(UTC), rows=rows, **urls)
        materialize("spending", datetime.now(UTC), **urls)
        # Not by the platform's own key: what it asks to check itself is nobody's business, and in no shadow.
        name = f"shop{datetime.now(UTC):%H%M%S%f}"
        key = add_partner(deployed.launch, make_partner(name, "decide", "*", "1000/s", 100))
        self.headers = {"Authorization": f"Bearer {key}"}

    def load(self, keeping: int = 6) -> Load:
        made = Load(self.deployed, keeping=keeping, fresh=1, entities=CUSTOMERS)
        made.headers = self.headers
        return made

    def release(self, slope: float, view: str = "behaviour") -> str:
        built = self.deployed.launch.home.parent / "built"
        sha = build_small(built, slope=slope, view=view)
        as_of = date(2026, 1, 31)
        self.registry.log_release(PORTFOLIO, built / sha, sha, as_of=as_of, gates={}, runs={})
        return sha

    def challenge(self, sha: str) -> None:
        self.trials.challenge(self.registry.release(PORTFOLIO, sha), by="ann", why="is it better?")
        until(lambda: [served.get(PORTFOLIO) for served in self.loaded().values()] == [sha] * 2)

    def loaded(self) -> dict[int, dict[str, str]]:
        return read_workers(self.releases, REPORTS)

    def state(self) -> dict[str, Any]:
        found = httpx.get(self.deployed.launch.url + "/v1/releases", headers=self.deployed.headers).json()["releases"]
        return dict(found[0])

    def records(self, since: datetime = START) -> list[Record]:
        with closing(open_log(self.deployed.launch.decision_log, self.deployed.launch.log_keys())) as log:
            return list(log.read(PORTFOLIO, since, datetime.now(UTC) + timedelta(days=1)))

    def shadow(self, since: datetime = START) -> dict[str, ShadowRow]:
        with closing(open_shadow(self.deployed.launch.decision_log)) as rows:
            found = rows.read(PORTFOLIO, since, datetime.now(UTC) + timedelta(days=1))
            return {row.decision_id: row for row in found}

    def stopped(self) -> bool:
        steps = self.trials.steps(PORTFOLIO)
        return bool(steps) and steps[-1].action == "stop" and steps[-1].by == "lendloop"


@pytest.fixture
def trial(deployed: Deployed) -> Iterator[Trial]:
    made = Trial(deployed)
    yield made
    made.trials.end(PORTFOLIO, by="ann", why="the test is over")
    until(lambda: not any(made.loaded().values()))


def test_answered_decisions_are_scored_in_the_shadow_also_when_a_worker_is_killed(trial: Trial) -> None:
    challenger = trial.deployed.shas[1]
    since = datetime.now(UTC)
    trial.challenge(challenger)
    assert trial.state()["challenger"] == {
        "release": challenger, "share": 0.0, "current": True, "fault": None, "stopped": None,
    }  # fmt: skip
    with trial.load(keeping=1):
        until(lambda: len(trial.shadow(since)) > 0)  # it begins with what is logged once it looks
    since = datetime.now(UTC)
    with trial.load(keeping=3) as load:
        until(lambda: len(load.answers) > 60)
        os.kill(trial.deployed.workers()[0], signal.SIGKILL)
        answered = len(load.answers)
        until(lambda: len(load.answers) > answered + 60)
    assert {release for _, release in load.answers} == {trial.deployed.shas[0]}
    mine = [one for one in trial.records(since) if one.entity_id and int(one.entity_id) in CUSTOMERS]
    assert len(mine) >= len(load.answers)  # nothing that was answered is missing, in the log or in the shadow
    until(lambda: len(trial.shadow(since)) >= len(mine))
    rows = trial.shadow(since)
    assert {(row.release, row.role, row.outcome) for row in rows.values()} == {(challenger, "challenger", "approve")}
    pairs = [(one, rows[one.decision_id]) for one in mine if one.decision_id in rows]
    assert all(one.probability != row.probability for one, row in pairs)
    until(lambda: len(trial.loaded()) == 2)


def test_a_canary_answers_a_stable_share_and_is_stopped_when_it_approves_nobody(trial: Trial) -> None:
    sha = trial.release(NOBODY)
    trial.challenge(sha)
    since = datetime.now(UTC)
    with trial.load() as load:
        trial.trials.canary(PORTFOLIO, 0.3, by="ann", why="try it")
        until(trial.stopped)
        # Either worker may answer: both know of it when many in a row do.
        until(lambda: all(trial.state()["challenger"]["share"] == 0 for _ in range(20)))
        marked = len(load.answers)
        until(lambda: len(load.answers) > marked + 50)
        assert {release for _, release in load.answers[marked + 20 :]} == {trial.deployed.shas[0]}
    assert load.failures == []
    step = trial.trials.steps(PORTFOLIO)[-1]
    assert step.why.startswith("approval_difference: approved 0 of ")
    assert trial.state()["challenger"]["stopped"] == step.why
    name = f'lendloop_canary_stops_total{{limit="approval_difference",portfolio="{PORTFOLIO}"}}'
    assert trial.deployed.counted(name) == 1

    marks: dict[str, set[str]] = {}
    for record in trial.records(since):
        if isinstance(mark := record.context.get("canary"), dict):
            marks.setdefault(str(record.entity_id), set()).add(str(mark["arm"]))
            assert record.release == (sha if mark["arm"] == "canary" else trial.deployed.shas[0])
            assert isinstance(mark["seconds"], float)
    assert all(len(arms) == 1 for arms in marks.values())  # the same customers, in both workers
    share = sum("canary" in arms for arms in marks.values()) / len(marks)
    assert 0.15 < share < 0.45
    until(lambda: "champion" in {row.role for row in trial.shadow(since).values()})


def test_a_challenger_whose_features_are_not_there_is_stopped_and_no_request_fails(trial: Trial) -> None:
    trial.challenge(trial.release(1.0, view="spending"))
    with trial.load() as load:
        trial.trials.canary(PORTFOLIO, 0.3, by="ann", why="try it")
        until(trial.stopped)
    assert load.failures == []
    assert trial.trials.steps(PORTFOLIO)[-1].why.startswith("degraded_rise: ")


def test_a_challenger_that_is_damaged_is_told_and_touches_nothing(trial: Trial) -> None:
    sha = trial.release(0.9)
    for path in trial.deployed.launch.mlflow_artifacts.rglob("policy.json"):
        if path.parent.joinpath("manifest.json").read_text() == _manifest(trial, sha):
            path.write_bytes(path.read_bytes() + b" ")
    shutil.rmtree(trial.releases / sha, ignore_errors=True)
    trial.trials.challenge(trial.registry.release(PORTFOLIO, sha), by="ann", why="try it")
    ready = trial.deployed.launch.url + "/readyz"
    until(lambda: httpx.get(ready).json()["challengers_at_fault"] == [PORTFOLIO])
    assert httpx.get(ready).json()["status"] == "ready"
    assert "damaged in the registry" in trial.state()["challenger_fault"]
    assert trial.deployed.ask().json()["release"] == trial.deployed.shas[0]


def _manifest(trial: Trial, sha: str) -> str:
    return (trial.deployed.launch.home.parent / "built" / sha / "manifest.json").read_text()
