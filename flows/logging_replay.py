"""`lendloop decision replay`: logged decisions made again, by their own release bit for bit, or by another."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from flows.deciding import given_time
from flows.logging_keeping import LogCommandError
from flows.terminal import console
from flows.workspace import Workspace, open_workspace
from serving.answers import decide_again
from serving.decisions import Decision
from serving.desk import Desk, Reader
from serving.log.record import DECIDING, Record
from serving.release import load_release

SHOWN = 10
PARTS = (
    "outcome", "probability", "score", "grade", "limit", "counter_offer", "counter_change", "confirmations", "terms",
    "reasons", "open_rules", "problems", "stale",
)  # fmt: skip


class _NoReader(Reader):
    """A replay reads features from the log, never from a store."""

    def read(self, keys: Any) -> Any:
        raise LogCommandError("a replay asked the online store; expected the features of the record")


def replay_decisions(portfolio: str, decision_id: str, since: str, until: str, release: str) -> bool:
    """Make decisions again and say how many are the same; False when one differs on its own release."""
    workspace = open_workspace(portfolio)
    counts: Counter[str] = Counter()

    @lru_cache(maxsize=4)
    def desk(sha: str) -> Desk:
        return Desk(load_release(workspace.release_folder(sha)), _NoReader())

    wanted = workspace.registry.release(portfolio, release).sha if release else ""
    for record in _records(workspace, decision_id, since, until):
        if record.erased:
            counts["erased"] += 1
            continue
        differing = differences(record, decide_again(desk(wanted or record.release), record))
        counts["differ" if differing else "same"] += 1
        if differing and counts["differ"] <= SHOWN:
            console.print(f"[yellow]{record.decision_id}[/] {'; '.join(differing)}", highlight=False)
    console.print(f"{counts['same']:,} the same, {counts['differ']:,} differ, {counts['erased']:,} erased")
    return bool(release) or not counts["differ"]


def differences(record: Record, decision: Decision) -> list[str]:
    """The parts in which a decision differs from a record, each with both values; floats are compared bit for bit."""
    logged, again = _logged(record), _again(decision)
    return [f"{name}: {logged[name]} → {again[name]}" for name in PARTS if logged[name] != again[name]]


def _logged(record: Record) -> dict[str, Any]:
    names = ("outcome", "probability", "score", "grade", "stale")
    values = {name: getattr(record, name) for name in names}
    return values | {
        "limit": record.offer.get("limit"),
        "counter_offer": record.offer.get("amount"),
        "counter_change": record.offer.get("change"),
        "confirmations": record.offer.get("confirmations", 0),
        "terms": dict(record.terms),
        "reasons": list(record.reasons),
        "open_rules": record.context.get("open_rules", []),
        "problems": record.context.get("problems", {}),
    }


def _again(decision: Decision) -> dict[str, Any]:
    names = ("outcome", "probability", "score", "grade", "limit", "counter_offer", "confirmations")
    values = {name: getattr(decision, name) for name in names}
    terms = decision.terms
    summed = {} if terms is None else {"base": terms.base, "other": terms.other, "clipped": terms.clipped}
    reasons = [asdict(reason) for reason in decision.reasons]
    return values | {
        "stale": decision.degraded,
        "counter_change": None if decision.counter_change is None else asdict(decision.counter_change),
        "terms": summed | dict(terms.contributions if terms else {}),
        "reasons": [{name: reason[name] for name in ("code", "en", "zh", "points")} for reason in reasons],
        "open_rules": list(decision.open_rules),
        "problems": {kind: list(names) for kind, names in decision.problems.items()},
    }


def _records(workspace: Workspace, decision_id: str, since: str, until: str) -> Iterable[Record]:
    if decision_id:
        found = workspace.log.find(decision_id)
        if found is None or found.portfolio != workspace.name or found.kind not in DECIDING:
            raise LogCommandError(f"{decision_id}: no such decision of {workspace.name} is in the log")
        return [found]
    start = given_time(since) if since else datetime(1970, 1, 1, tzinfo=UTC)
    return workspace.log.read(workspace.name, start, given_time(until))
