"""`lendloop release diff`: two releases beside each other, as Markdown fit for a pull request."""

from collections.abc import Callable, Iterator
from pathlib import Path

from flows.moving import NothingLogged, by_release, moves, told
from flows.policies import write_out
from flows.terminal import errors
from flows.workspace import Workspace, open_workspace
from serving.manifest import changed_components
from serving.movement import markdown_table
from serving.release import LoadedRelease, load_release
from training.evaluation import Evaluation
from training.registry import ModelVersion, ReleaseVersion
from training.trained import TrainingReport


def diff_releases(portfolio: str, before: str, after: str, since: str, until: str, out: Path | None) -> None:
    """Print what differs: components, figures of the models, and who moves among the logged decisions."""
    workspace = open_workspace(portfolio)
    versions = [workspace.registry.release(portfolio, sha) for sha in (before, after)]
    with errors.status("deciding again"):
        old, new = (load_release(workspace.release_folder(version.sha)) for version in versions)
        parts = [
            f"## {portfolio}: release `{old.sha[:12]}` → `{new.sha[:12]}`",
            f"As of {versions[0].as_of} → {versions[1].as_of}.",
            _components(old, new),
            *_figures(workspace, versions[0], versions[1]),
            "### Who moves",
            _movement(workspace, old, new, since, until),
        ]
    write_out("\n\n".join(parts), out)


def _components(old: LoadedRelease, new: LoadedRelease) -> str:
    changed = sorted(changed_components(old.manifest, new.manifest))
    if not changed:
        return "No component differs: they are the same release."
    sides = (old.manifest.components, new.manifest.components)
    rows = [(f"`{path}`", *(f"`{side[path][:12]}`" if path in side else "–" for side in sides)) for path in changed]
    same = len(sides[1].keys() - set(changed))
    return f"{markdown_table(('component', 'before', 'after'), rows)}\n\n{same} components are the same."


def _figures(workspace: Workspace, before: ReleaseVersion, after: ReleaseVersion) -> Iterator[str]:
    for name in sorted(before.runs.keys() | after.runs.keys()):
        yield f"### Model `{name}`"
        if name not in before.runs or name not in after.runs:
            yield f"Only in the release {'after' if name in after.runs else 'before'}."
        elif before.runs[name] == after.runs[name]:
            yield f"The same: MLflow run {after.runs[name]}."
        else:
            reports = [_report(workspace, version, name) for version in (before, after)]
            yield _beside(*reports)
            yield "Each on the rows that were held out of its own training: compare with care where months differ."


def _report(workspace: Workspace, version: ReleaseVersion, name: str) -> TrainingReport:
    model = ModelVersion(workspace.name, name, 0, version.runs[name], "", version.as_of)
    return workspace.registry.load_model(model).report


def _beside(before: TrainingReport, after: TrainingReport) -> str:
    rows = [
        ("held out", *(", ".join(one.held_out_months) for one in (before, after))),
        ("learned from", *(one.learned for one in (before, after))),
        *((what, *pair) for what, pair in _evaluated(before.model, after.model)),
    ]
    gaps = before.fairness.keys() & after.fairness.keys()
    rows += [(f"approval gap by {one}", _points(before, one), _points(after, one)) for one in sorted(gaps)]
    return markdown_table(("", "before", "after"), rows)


def _evaluated(before: Evaluation, after: Evaluation) -> Iterator[tuple[str, tuple[str, str]]]:
    yield "AUC (95 %)", _pair(before, after, lambda e: f"{e.auc.value:.4f} ({e.auc.low:.4f} to {e.auc.high:.4f})")
    yield "KS", _pair(before, after, lambda e: f"{e.ks:.4f}")
    yield "calibration error", _pair(before, after, lambda e: f"{e.calibration_error:.4f}")
    yield "log-loss", _pair(before, after, lambda e: f"{e.log_loss:.4f}")
    yield "rows, events", _pair(before, after, lambda e: f"{e.rows:,}, {e.events:,}")


def _pair(before: Evaluation, after: Evaluation, shown: Callable[[Evaluation], str]) -> tuple[str, str]:
    return shown(before), shown(after)


def _points(report: TrainingReport, attribute: str) -> str:
    gap = report.fairness[attribute].approval_gap.value
    return "–" if gap is None else f"{100 * gap:.1f} points"


def _movement(workspace: Workspace, old: LoadedRelease, new: LoadedRelease, since: str, until: str) -> str:
    try:
        found = moves(workspace, since, until, by_release(old), by_release(new))
    except NothingLogged as nothing:
        return f"{nothing}\n"
    aside = "Logged decisions, each made again by both; what a record lacks that a release reads is missing there.\n\n"
    return aside + told(workspace, found, new.policy)
