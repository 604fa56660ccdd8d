"""Flow `release`: the registered models and the policy as one unit, through the gates, to champion or not."""

import hashlib
import itertools
import json
from datetime import date

from prefect import flow

from features.permitted import select
from flows.business_date import business_date, run_name
from flows.progress import note
from flows.steps import KEPT, Summary, as_task
from flows.workspace import Workspace, open_workspace
from serving.contest import Champion
from serving.examination import Examined, examine
from serving.gates import Promotion
from serving.reference import model_parts
from serving.release import Manifest, build_release, load_release
from training.boosted import load_boosted
from training.registry import ModelVersion
from training.registry.history import stack
from training.trained import TrainedModel

GATES = "gates"
"""Who promoted what no person did."""


class NoModel(ValueError):
    """A release cannot be made: a model that the policy decides by is not registered for the date."""


def release(portfolio: str, as_of: date) -> Summary:
    """Build the release of `as_of`, examine it beside the champion, and promote it when the gates allow."""
    workspace = open_workspace(portfolio)
    found = {name: _registered(workspace, name, as_of) for name in workspace.policy.models}
    trained = {name: workspace.registry.load_model(version) for name, version in found.items()}
    manifest = _build(workspace, as_of, trained)
    known = workspace.registry.find_release(portfolio, manifest.sha)
    if known is None:
        note("running the gates")
        promotion = _examine(workspace, manifest, trained)
        runs = {name: version.run_id for name, version in found.items()}
        folder = workspace.settings.releases / manifest.sha
        gates = json.loads(promotion.model_dump_json())
        known = workspace.registry.log_release(portfolio, folder, manifest.sha, as_of=as_of, gates=gates, runs=runs)
    else:
        promotion = Promotion.model_validate(known.gates)
    if promotion.allowed and not _is_past(workspace, as_of):
        _promote(workspace, manifest.sha)
    return _described(workspace, manifest, promotion)


def _promote(workspace: Workspace, sha: str) -> None:
    """Promote what never was champion, or what only gates have put another release above since: a change taken back.

    What a person promoted above it, or rolled back, stays as that person left it.
    """
    steps = workspace.registry.history(workspace.name)
    moves = [step.action for step in steps if step.sha == sha]
    standing = stack(steps)
    above = itertools.takewhile(lambda step: step.sha != sha, reversed(standing))
    if moves[-1:] == ["promote"] and all(step.by == GATES for step in above):
        workspace.registry.promote(workspace.name, sha, by=GATES)
    else:
        workspace.registry.promote_once(workspace.name, sha, by=GATES)


def _is_past(workspace: Workspace, as_of: date) -> bool:
    """Whether a later month has its champion already: replaying an earlier one must not put the clock back."""
    champion = workspace.registry.champion(workspace.name)
    return champion is not None and champion.as_of > as_of


def _registered(workspace: Workspace, name: str, as_of: date) -> ModelVersion:
    version = workspace.registry.model_as_of(workspace.name, name, as_of)
    if version is None:
        raise NoModel(
            f"no model {workspace.name}.{name} is registered for {as_of}; "
            f"run `lendloop run retrain --portfolio {workspace.name} --as-of {as_of}` first"
        )
    return version


def _build(workspace: Workspace, as_of: date, trained: dict[str, TrainedModel]) -> Manifest:
    folder = workspace.portfolio.folder
    sources = [folder / "features.yaml", *workspace.portfolio.code]
    return build_release(
        workspace.settings.releases,
        portfolio=workspace.name,
        as_of=as_of,
        entity=workspace.portfolio.features.entity,
        policy=workspace.policy,
        models={name: model_parts(model, workspace.policy) for name, model in trained.items()},
        sources={
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in sources
        },
    )


def _examine(workspace: Workspace, manifest: Manifest, trained: dict[str, TrainedModel]) -> Promotion:
    features, specs = workspace.portfolio.features, workspace.models.models
    models = {
        name: Examined(
            spec=specs[name],
            trained=model,
            permitted=[column.name for column in select(features, specs[name].service)],
            groups=[column.name for column in select(features, specs[name].groups or "")] if specs[name].groups else [],
        )
        for name, model in trained.items()
    }
    return examine(load_release(workspace.settings.releases / manifest.sha), _champion(workspace), models)


def _champion(workspace: Workspace) -> Champion | None:
    champion = workspace.registry.champion(workspace.name)
    if champion is None:
        return None
    trained = {name: workspace.registry.trained(run) for name, run in champion.runs.items()}
    return Champion(
        load_release(workspace.release_folder(champion.sha)),
        {name: model.held_out for name, model in trained.items()},
        {name: load_boosted(model.validated, model.columns) for name, model in trained.items() if model.validated},
    )


def _described(workspace: Workspace, manifest: Manifest, promotion: Promotion) -> Summary:
    steps = workspace.registry.history(workspace.name)
    warnings = len(promotion.warnings)
    warned = f", {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    champion = workspace.registry.champion(workspace.name)
    return {
        "summary": f"{manifest.sha[:12]} {_verdict(workspace, manifest, promotion)}{warned}",
        "release": manifest.sha,
        "promoted": any(step.action == "promote" and step.sha == manifest.sha for step in steps),
        "champion": champion.sha if champion else None,
        "gates": [json.loads(result.model_dump_json()) for result in promotion.results],
    }


def _verdict(workspace: Workspace, manifest: Manifest, promotion: Promotion) -> str:
    """What became of the release; of a past month comes before its gates, which compared it with a later champion."""
    steps = workspace.registry.history(workspace.name)
    standing = [step.sha for step in stack(steps)]
    if manifest.sha in standing:
        return "promoted" if standing[-1] == manifest.sha else f"promoted before; {standing[-1][:12]} is champion"
    if any(step.sha == manifest.sha for step in steps):
        return "rolled back since"
    if _is_past(workspace, manifest.as_of):
        return "not promoted: of a past month"
    blocked = ", ".join(dict.fromkeys(result.name for result in promotion.blocked_by))
    return f"kept back by {blocked}" if blocked else "not promoted: nothing changed since the champion"


@flow(name="release", flow_run_name=run_name, **KEPT)
async def release_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Release what was trained at `as_of`, a business date (UTC)."""
    return as_task(release, portfolio, business_date(as_of))
