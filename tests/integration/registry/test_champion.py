"""MLflow's store on real databases: releases, the champion, its history, and trials beside it."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from threading import Barrier, Thread
from typing import Any, cast

import pytest

from tests.integration.registry.releases import A, B, C, Open, champion, client, release
from training.registry import (
    MovedMeanwhile,
    NothingToRollBack,
    NotRegistered,
    OldHistory,
    Registry,
    RegistryError,
    TrialError,
)
from training.registry.moves import Moves
from training.registry.store import MlflowStore

pytestmark = [pytest.mark.integration]


def test_releases_follow_each_other(opened: Open, portfolio: str, tmp_path: Path) -> None:
    registry = opened()
    assert registry.champion(portfolio) is None
    assert registry.releases(portfolio) == []
    for day, sha in enumerate((A, B, C), start=1):
        release(registry, portfolio, sha, tmp_path, day)
    assert [each.sha for each in registry.releases(portfolio)] == [A, B, C]
    assert registry.promote(portfolio, A, by="risk officer").aliases == ("champion",)
    assert registry.promote(portfolio, C[:8]).sha == C
    assert champion(opened(), portfolio) == "c"
    found = registry.release_as_of(portfolio, date(2024, 6, 2))
    assert (found.sha, found.gates["allowed"], found.runs) == (B, True, {"risk": "r1"})


def test_rolling_back_goes_one_further_each_time(opened: Open, portfolio: str, tmp_path: Path) -> None:
    registry = opened()
    for sha in (A, B, C):
        release(registry, portfolio, sha, tmp_path)
        registry.promote(portfolio, sha)
    assert registry.rollback(portfolio).sha == B
    assert registry.rollback(portfolio, by="officer").sha == A
    with pytest.raises(NothingToRollBack, match="promote another one instead"):
        registry.rollback(portfolio)
    assert registry.promote(portfolio, C).sha == C
    assert registry.rollback(portfolio).sha == A
    moves = [(step.action, step.sha[0]) for step in opened().history(portfolio)]
    assert moves[:3] == [("promote", "a"), ("promote", "b"), ("promote", "c")]
    assert moves[3:] == [("rollback", "c"), ("rollback", "b"), ("promote", "c"), ("rollback", "c")]


def test_doing_it_twice_changes_nothing(open_sqlite: Open, tmp_path: Path) -> None:
    registry = open_sqlite()
    for _ in range(2):
        release(registry, "cards", A, tmp_path)
        registry.promote("cards", A)
    assert len(registry.releases("cards")) == len(registry.history("cards")) == 1


def test_what_was_rolled_back_is_not_promoted_again_by_a_flow(open_sqlite: Open, tmp_path: Path) -> None:
    registry = open_sqlite()
    for sha in (A, B):
        release(registry, "cards", sha, tmp_path)
        registry.promote_once("cards", sha, by="gates")
    registry.rollback("cards", by="officer")
    assert registry.promote_once("cards", B, by="gates").sha == A
    assert champion(registry, "cards") == "a"


def test_a_rollback_to_what_was_checked_refuses_another(open_sqlite: Open, tmp_path: Path) -> None:
    registry = open_sqlite()
    for sha in (A, B):
        release(registry, "cards", sha, tmp_path)
        registry.promote("cards", sha)
    checked = registry.previous("cards").sha
    release(registry, "cards", C, tmp_path)
    registry.promote("cards", C, by="officer")
    with pytest.raises(MovedMeanwhile, match="promote of cccccccccccc by officer"):
        registry.rollback("cards", to=checked)
    assert champion(registry, "cards") == "c"


def test_of_promoters_on_two_machines_one_wins(opened: Open, portfolio: str, tmp_path: Path) -> None:
    registry, other = opened(), opened()
    for sha in (A, B, C):
        release(registry, portfolio, sha, tmp_path)
    registry.promote(portfolio, A)
    both = Barrier(2)
    outcomes = {}

    def promote(mine: Registry, sha: str) -> None:
        real = mine._moves.store.append

        def together(*arguments: Any) -> int:
            both.wait(20)  # both have read the history by now
            return real(*arguments)

        mine._moves = Moves(cast(MlflowStore, Together(mine._store, together)))
        try:
            outcomes[sha] = mine.promote(portfolio, sha, by=sha[0]).sha
        except MovedMeanwhile as error:
            outcomes[sha] = str(error)

    threads = [Thread(target=promote, args=given) for given in ((registry, B), (other, C))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [sha for sha, outcome in outcomes.items() if outcome == sha]
    (lost,) = {B, C} - {won}
    assert f"promote of {won[:12]} by {won[0]}" in outcomes[lost]
    fresh = opened()
    assert [step.sha for step in fresh.history(portfolio)] == [A, won]
    assert fresh.champion_sha(portfolio) == won
    assert fresh.promote(portfolio, lost).sha == lost
    assert fresh.rollback(portfolio).sha == won


class Together:
    """A store whose `append` waits for another's."""

    def __init__(self, store: MlflowStore, append: Callable[..., int]) -> None:
        self._store, self.append = store, append

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_release_is_fetched_whole(opened: Open, portfolio: str, tmp_path: Path) -> None:
    registry = opened()
    release(registry, portfolio, A, tmp_path)
    to = tmp_path / "to"
    to.mkdir()
    registry.fetch(portfolio, A, to)
    assert (to / "manifest.json").read_text(encoding="utf-8") == A
    assert (to / "models" / "risk" / "model.cbm").read_bytes() == b"\x00trees"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".fetch-")] == []


def test_what_is_not_there_is_said(open_sqlite: Open, tmp_path: Path) -> None:
    registry = open_sqlite()
    with pytest.raises(NotRegistered, match=r"no release begins with 'ab'.* the newest are: none"):
        registry.release("cards", "ab")
    with pytest.raises(NotRegistered, match="no release of 'cards' for 2024-06-01"):
        registry.release_as_of("cards", date(2024, 6, 1))
    for sha in ("ab" + "0" * 62, "ab" + "1" * 62):
        release(registry, "cards", sha, tmp_path)
    with pytest.raises(NotRegistered, match="2 releases begin with 'ab'"):
        registry.release("cards", "ab")
    shutil.rmtree(tmp_path / "artifacts")
    (tmp_path / "to").mkdir()
    with pytest.raises(RegistryError):
        registry.fetch("cards", "ab" + "0" * 62, tmp_path / "to")


def test_a_database_that_does_not_answer_is_said_without_its_password(tmp_path: Path) -> None:
    registry = Registry("postgresql://user:secret@127.0.0.1:1/none", tmp_path)
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:1/none failed") as raised:
        registry.champion("cards")
    assert "secret" not in str(raised.value)


def test_a_history_of_an_earlier_version_is_said_and_not_taken_for_none(open_sqlite: Open, tmp_path: Path) -> None:
    registry = open_sqlite()
    release(registry, "cards", A, tmp_path)
    assert registry.champion("cards") is None
    client(registry).set_registered_model_tag("cards.release", "lendloop.step.000001", "{}")
    for ask in (registry.champion_sha, registry.history, registry.releases):
        with pytest.raises(OldHistory, match=r"history of 'cards' is in the form of an earlier version.*LENDLOOP_HOME"):
            ask("cards")
    with pytest.raises(OldHistory):
        registry.promote("cards", A)


def test_a_trial_goes_from_challenger_to_canary_to_its_end(opened: Open, portfolio: str, tmp_path: Path) -> None:
    registry = opened()
    for day, sha in enumerate((A, B, C), start=1):
        release(registry, portfolio, sha, tmp_path, day)
    registry.promote(portfolio, A)
    trials = registry.trials
    assert trials.current(portfolio) is None
    with pytest.raises(TrialError, match="has no challenger"):
        trials.canary(portfolio, 0.1, by="ann", why="too soon")
    trials.challenge(registry.release(portfolio, B), by="ann", why="it has a higher AUC")
    assert registry.release(portfolio, B).aliases == ("challenger",)
    with pytest.raises(TrialError, match="over 0 and under 1"):
        trials.canary(portfolio, 1.5, by="ann", why="all of them")
    began = trials.canary(portfolio, 0.05, by="ann", why="looks good")
    assert opened().trials.current(portfolio) == began
    assert (began.sha, began.share, began.number, began.began) == (B, 0.05, 2, 1)

    # What was judged is the step that stood then: a person's word in between is not overruled.
    more = trials.canary(portfolio, 0.2, by="ben", why="still good")
    with pytest.raises(TrialError, match="moved meanwhile"):
        trials.stop(portfolio, by="lendloop", why="error_rate", number=began.number)
    trials.stop(portfolio, by="lendloop", why="error_rate: it failed", number=more.number, until="2024-06-30T00:00:00Z")
    stopped = trials.current(portfolio)
    assert stopped is not None
    assert (stopped.share, stopped.began) == (0.0, 1)
    assert [(step.action, step.by, step.share) for step in trials.steps(portfolio)] == [
        ("challenge", "ann", 0.0), ("canary", "ann", 0.05), ("canary", "ben", 0.2), ("stop", "lendloop", 0.0),
    ]  # fmt: skip
    assert trials.steps(portfolio)[-1].until == "2024-06-30T00:00:00Z"

    registry.promote(portfolio, C)  # another one: the trial goes on beside it
    assert trials.current(portfolio) == stopped
    registry.promote(portfolio, B, by="ann")
    assert trials.current(portfolio) is None
    assert registry.release(portfolio, B).aliases == ("champion",)
    trials.end(portfolio, by="ann", why="there is none")
    assert len(trials.steps(portfolio)) == 5


def test_of_two_who_move_a_trial_at_once_one_is_told(opened: Open, portfolio: str, tmp_path: Path) -> None:
    registry = opened()
    for sha in (A, B):
        release(registry, portfolio, sha, tmp_path)
    registry.trials.challenge(registry.release(portfolio, A), by="ann", why="")
    barrier, told = Barrier(2), []

    def move(trials: Any, share: float) -> None:
        steps = trials.steps(portfolio)
        barrier.wait()
        try:
            trials._append(portfolio, steps, "canary", steps[-1].run_id, _step_tags(share))
        except TrialError as error:
            told.append(str(error))

    threads = [Thread(target=move, args=(opened().trials, share)) for share in (0.1, 0.2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert len(registry.trials.steps(portfolio)) == 2


def _step_tags(share: float) -> dict[str, str]:
    tags = {"sha": A, "version": "1", "began": "1", "share": str(share), "by": "ann", "why": ""}
    return {f"lendloop.{name}": value for name, value in tags.items()}
