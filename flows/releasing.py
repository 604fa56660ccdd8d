"""`lendloop release`: the releases of a portfolio, and moving the champion's pointer by hand.

Neither waits for a run of the portfolio: a rollback is wanted at once, and the registry lets one of two moves win.
"""

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from flows.acting import note_done
from flows.hints import month_command
from flows.terminal import console
from flows.workspace import Workspace, open_workspace
from serving.gates import GateResult, Promotion
from serving.log.canonical import Json
from serving.release import ReleaseError, verify_release
from training.registry import RegistryError, ReleaseVersion


class KeptBack(ValueError):
    """A gate kept the release back."""


def show_releases(portfolio: str) -> None:
    """Print every release with its gates' verdict and the pointers on it."""
    from flows.trying import trial_lines

    workspace = open_workspace(portfolio)
    table = Table("release", "as of", "gates", "pointer", box=None)
    for version in workspace.registry.releases(portfolio):
        table.add_row(version.sha[:12], str(version.as_of), _verdict(version), ", ".join(version.aliases))
    console.print(table if table.rows else f"no releases of {portfolio} yet; {month_command(portfolio)} makes one")
    for line in trial_lines(workspace):
        console.print(escape(line), highlight=False)


def show_release(portfolio: str, sha: str) -> None:
    """Print one release: components, runs, gates and what happened to it."""
    from flows.trying import trial_lines

    workspace = open_workspace(portfolio)
    version = _find(workspace, sha)
    manifest = verify_release(workspace.release_folder(version.sha))
    pointers = f" ({', '.join(version.aliases)})" if version.aliases else ""
    console.print(f"[bold]{version.sha}[/]{pointers}\nas of {version.as_of}, every digest verified")
    components = Table("component", "sha-256", box=None)
    for path, digest in manifest.components.items():
        components.add_row(path, digest[:16])
    gates = Table("gate", "of", "", "found", "expected", box=None)
    for result in _promotion(version).results:
        mark = (
            "[green]passed[/]" if result.passed else "[yellow]warns[/]" if result.level == "warn" else "[red]blocks[/]"
        )
        gates.add_row(result.name, result.subject, mark, result.found, result.expected)
    console.print(components, "", gates, "")
    for model, run in version.runs.items():
        console.print(f"{model}: MLflow run {run}")
    for step in workspace.registry.history(portfolio):
        if step.sha == version.sha:
            console.print(f"{step.action} by {step.by or 'unknown'} at {step.at}")
    for line in trial_lines(workspace, version.sha):
        console.print(escape(line), highlight=False)


def promote_release(portfolio: str, sha: str, by: str, *, force: bool) -> None:
    """Make a release the champion, unless a gate kept it back and nobody insists."""
    workspace = open_workspace(portfolio)
    version = _find(workspace, sha)
    blocked = blocked_by(version)
    if blocked and not force:
        reasons = "; ".join(f"{result.name}: found {result.found}, expected {result.expected}" for result in blocked)
        raise KeptBack(f"{version.sha[:12]} was kept back by {reasons}; --force promotes it all the same, on record")
    rehearse(workspace, version.sha)
    note = f"{by} (against {', '.join(result.name for result in blocked)})" if blocked else by
    workspace.registry.promote(workspace.name, version.sha, by=note)
    gates: list[Json] = [result.name for result in blocked]
    note_done(workspace, "promote", by, {"release": version.sha, **({"against": gates} if gates else {})})
    _switched(workspace, version.sha)


def roll_back(portfolio: str, by: str) -> None:
    """Make the champion before this one champion again."""
    workspace = open_workspace(portfolio)
    back = workspace.registry.previous(portfolio).sha
    rehearse(workspace, back)
    sha = workspace.registry.rollback(portfolio, by=by, to=back).sha
    note_done(workspace, "rollback", by, {"release": sha})
    _switched(workspace, sha)


def rehearse(workspace: Workspace, sha: str) -> None:
    """Before the pointer moves: every digest is right, and the release's features can be read online and are fresh."""
    from serving.desk import now, open_desk
    from serving.freshness import check_switch

    settings, folder = workspace.settings, workspace.release_folder(sha)
    verify_release(folder)
    urls = {"registry": settings.feature_registry_url, "online": settings.online_store_url}
    open_desk(workspace.name, folder, **urls).rehearse()
    serving = _serving(workspace)
    for warning in check_switch(folder, serving, at=None if settings.replay else now(), **urls):
        console.print(f"[yellow]warning[/]: {warning}, for the champion so far too: such decisions go to review")


def _serving(workspace: Workspace) -> Path | None:
    """The champion's folder; None without one, and for one that is damaged in the registry too: anything is better."""
    champion = workspace.registry.champion_sha(workspace.name)
    try:
        return workspace.release_folder(champion) if champion else None
    except (ReleaseError, RegistryError) as error:
        console.print(f"[yellow]warning[/]: the champion so far cannot be read: {error}")
        return None


def _switched(workspace: Workspace, sha: str) -> None:
    console.print(f"[green]✓[/] champion of {workspace.name} is {sha[:12]}")
    from serving.deployment import status

    if status(workspace.settings.root()) is None:
        console.print("no service runs on this home; the next one serves it")
        return
    from flows.launching import launch_of
    from serving.deployment import switch

    switch(launch_of(workspace.settings), workspace.name)
    console.print("every worker of the running service answers by it")


def _find(workspace: Workspace, sha: str) -> ReleaseVersion:
    if sha:
        return workspace.registry.release(workspace.name, sha)
    champion = workspace.registry.champion(workspace.name)
    if champion is None:
        raise KeptBack(f"{workspace.name} has no champion yet; {month_command(workspace.name)} makes one")
    return champion


def blocked_by(version: ReleaseVersion) -> tuple[GateResult, ...]:
    """The gates that kept a release back."""
    return _promotion(version).blocked_by


def _promotion(version: ReleaseVersion) -> Promotion:
    return Promotion.model_validate(version.gates)


def _verdict(version: ReleaseVersion) -> str:
    promotion = _promotion(version)
    if promotion.blocked_by:
        return f"[red]kept back: {', '.join(result.name for result in promotion.blocked_by)}[/]"
    return f"[yellow]passed, {len(promotion.warnings)} warnings[/]" if promotion.warnings else "[green]passed[/]"
