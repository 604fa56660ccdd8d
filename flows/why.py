"""`lendloop why`: one decision with all that it was made of, each number followed to its source."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from flows.logging_keeping import open_for_audit
from flows.terminal import console
from flows.why_review import review_facts
from flows.why_sources import Facts, sources_of
from flows.workspace import Workspace, open_workspace
from infra.settings import Settings
from serving.answers import decisions_again
from serving.desk import Desk, Reader
from serving.log.act import about
from serving.log.record import DECIDING, QUOTAS_USED, Record, time_text
from serving.release import LoadedRelease, ReleaseError, ReleaseMissing, load_release
from training.registry.history import Step
from training.registry.store import RegistryError

DAY = 86_400
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ERASED = "erased: the person asked for it, or the lender did; what the chain keeps of it is a commitment"


class WhyError(ValueError):
    """A decision cannot be explained; the message says what is missing."""


class _NoReader(Reader):
    """What is explained is on record: no store is asked."""

    def read(self, keys: Sequence[Any]) -> Any:
        raise WhyError("a decision that is made again asked the online store; expected the features of the record")


def show_why(decision_id: str, as_json: bool) -> None:
    """Print what a decision was made of: one screen, or JSON."""
    facts = why(Settings(), decision_id)
    if as_json:
        console.print_json(json.dumps(facts, ensure_ascii=False, default=str))
        return
    from flows.why_view import screen

    for part in screen(facts):
        console.print(part, highlight=False)


def why(settings: Settings, decision_id: str) -> Facts:
    """Every fact about a decision and where it is from; what is not there any more says so in its place."""
    record, acts = _record(settings, decision_id)
    decided = _decided(record)
    if record.kind == "erasure":
        return {"decision": decided, "erasure": dict(record.inputs)}
    if record.kind not in DECIDING:
        return {"decision": decided, "act": dict(record.inputs) | {"outcome": record.outcome}}
    workspace = open_workspace(record.portfolio)
    release, release_facts = _release(workspace, record)
    return {
        "decision": decided,
        "score": _score(record, release),
        "reasons": list(record.reasons),
        "review": review_facts(record, acts),
        "rules": _rules(record, release),
        "features": _features(record, release),
        "context": _context(record),
        "release": release_facts,
        "models": _models(workspace, record),
        "sources": sources_of(workspace, record),
    }


def _record(settings: Settings, decision_id: str) -> tuple[Record, list[Record]]:
    """The record, and what people did about it."""
    if not _ID.fullmatch(decision_id):
        raise WhyError(
            f"{decision_id[:60]!r} is no decision id; expected one such as 0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10, "
            "as the API answers it and `lendloop decide FILE --portfolio NAME --out FILE` writes it"
        )
    log, sealed = open_for_audit(settings)
    try:
        if not sealed:
            raise WhyError(
                "the master keys of the decision log are not here, and what is personal cannot be opened; "
                f"set LENDLOOP_LOG_KEY, or bring back {settings.log_key_file}"
            )
        record = log.find(decision_id)
        acts = [] if record is None else log.read_person(record.portfolio, about(decision_id))
    finally:
        log.close()
    if record is None:
        raise WhyError(f"{decision_id}: no such decision is in the log at hand; is LENDLOOP_HOME the home it is of?")
    return record, acts


def _decided(record: Record) -> Facts:
    personal = record.personal or {}
    identity = personal.get("identity")
    asked = {name: value for name, value in personal.items() if name not in ("identity", QUOTAS_USED)}
    return {
        "id": record.decision_id,
        "portfolio": record.portfolio,
        "kind": record.kind,
        "model": record.model,
        "partner": record.partner,
        "entity": ERASED if record.erased else record.entity_id,
        "asked": ERASED if record.erased else asked,
        # Only which: who someone is, is shown to nobody.
        "identity_given": sorted(identity) if isinstance(identity, dict) else [],
        "decided_at": time_text(record.decided_at),
        "outcome": record.outcome,
        "offer": dict(record.offer),
        "degraded": record.stale,
        "erased": record.erased,
    }


def _release(workspace: Workspace, record: Record) -> tuple[LoadedRelease | None, Facts]:
    folder = workspace.settings.releases / record.release
    loaded, fault = None, None
    try:
        loaded = load_release(folder)
    except ReleaseMissing:
        fault = (
            f"no longer on this disk: fetch it with `lendloop release show {record.portfolio} {record.release[:12]}`"
        )
    except ReleaseError as error:
        fault = f"damaged: {error}"
    facts: Facts = {"sha": record.release, "folder": str(folder), "fault": fault, "components": {}}
    if loaded is not None:
        facts["components"] = dict(loaded.manifest.components)
    return loaded, facts | _registered(workspace, record)


def _registered(workspace: Workspace, record: Record) -> Facts:
    try:
        found = workspace.registry.find_release(record.portfolio, record.release)
        steps = workspace.registry.history(record.portfolio)
    except RegistryError as error:
        return {"registry": f"cannot be read: {error}"}
    if found is None:
        return {"registry": "has no such release: it was deleted, or this is another registry"}
    return {
        "registry": f"{record.portfolio}.release version {found.version}",
        "run": found.run_id,
        "as_of": found.as_of.isoformat(),
        "gates_allowed": found.gates.get("allowed"),
        "champion": _reigns(steps, record.release),
    }


def _reigns(steps: Sequence[Step], sha: str) -> list[Facts]:
    """When a release was champion: from each move that put it on top to the next that did not."""
    reigns: list[Facts] = []
    for step, after in pairwise([*steps, None]):
        if step is None or step.champion != sha:
            continue
        if reigns and reigns[-1]["to"] == step.at:
            reigns[-1]["to"] = after.at if after else None
        else:
            reigns.append({"from": step.at, "to": after.at if after else None, "by": step.by, "action": step.action})
    return reigns


def _score(record: Record, release: LoadedRelease | None) -> Facts:
    terms = dict(record.terms)
    facts: Facts = {
        "probability": record.probability,
        "score": record.score,
        "grade": record.grade,
        "unit": "points" if record.kind == "decision" else "log-odds",
        "terms": terms,
        "sum": sum(terms.values()) if terms else None,
    }
    if release is None or record.erased:
        return facts | {"again": None, "codes": None}
    again = decisions_again(Desk(release, _NoReader()), record)
    made = again.one(0)
    same = (made.outcome, made.probability, made.score) == (record.outcome, record.probability, record.score)
    points = {} if made.terms is None else dict(zip(again.codes, map(float, again.points[0]), strict=False))
    rest = sum(map(float, again.points[0][len(again.codes) :])) if made.terms is not None else 0.0
    return facts | {"again": same, "codes": points | ({"inputs of no code": rest} if rest else {})}


def _rules(record: Record, release: LoadedRelease | None) -> list[Facts]:
    risk = release.policy.risk if release else None
    known = {rule.id: rule for rule in risk.rules} if risk else {}
    found: list[Facts] = [{"id": name, "fired": True} for name in record.rules]
    opened = record.context.get("open_rules")
    found += [{"id": name, "fired": None} for name in (opened if isinstance(opened, list) else [])]
    return [one | ({"when": known[one["id"]].when} if one["id"] in known else {}) for one in found]


def _features(record: Record, release: LoadedRelease | None) -> Facts:
    columns = release.features.models[record.model] if release else ()
    limits, view_of = {one.view: one.freshness for one in columns}, {one.name: one.view for one in columns}
    reasons = release.policy.reasons if release else {}
    code_of = {name: code for code, reason in reasons.items() for name in reason.features}
    views = []
    for view, time in record.feature_times.items():
        age = None if time is None else (record.decided_at - datetime.fromisoformat(time)).total_seconds() / DAY
        views.append({"view": view, "event": time, "age_days": age, "stale_after_days": limits.get(view)})
    values = [
        {"name": name, "value": value, "view": view_of.get(name), "code": code_of.get(name)}
        for name, value in (record.features or {}).items()
        if not columns or name in view_of
    ]
    return {"erased": record.features is None, "views": views, "values": values}


def _context(record: Record) -> Facts:
    return {name: value for name, value in record.context.items() if name != "open_rules"}


def _models(workspace: Workspace, record: Record) -> list[Facts]:
    try:
        found = workspace.registry.find_release(record.portfolio, record.release)
    except RegistryError:
        return []
    return [_trained(workspace, name, run) for name, run in (found.runs if found else {}).items()]


def _trained(workspace: Workspace, name: str, run: str) -> Facts:
    facts: Facts = {"model": name, "run": run}
    try:
        report = workspace.registry.report(run)
    except (RegistryError, OSError, ValueError) as error:
        return facts | {"fault": f"the run's report cannot be read: {error}"}
    return facts | {
        "as_of": report.as_of,
        "origin": None if report.origin is None else str(report.origin),
        "first_month": report.first_month,
        "last_month": report.last_month,
        "window": report.window.model_dump(mode="json"),
        "rows": report.rows,
        "events": report.events,
        "auc": report.model.auc.value,
        "auc_low": report.model.auc.low,
        "auc_high": report.model.auc.high,
        "inputs": report.inputs,
        "code": report.code,
    }
