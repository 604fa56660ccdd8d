"""`lendloop release challenge` and `canary`: a release tried beside the champion, in its shadow or for some people."""

import time
from collections.abc import Iterator

from flows.acting import note_done
from flows.releasing import KeptBack, blocked_by, rehearse
from flows.terminal import console
from flows.workspace import Workspace, open_workspace
from serving.trial.note import REPORTS, read_trial, tried_portfolios, write_trial
from serving.trial.note import Trial as Noted
from training.registry import Trial, TrialStep

WAIT_SECONDS = 20.0


def challenge(portfolio: str, sha: str, by: str, why: str) -> None:
    """Try a release in the shadow of the champion; it answers nobody."""
    workspace = open_workspace(portfolio)
    version, champion = workspace.registry.release(portfolio, sha), workspace.registry.champion_sha(portfolio)
    if champion is None:
        promote = f"`lendloop release promote {portfolio} SHA --by NAME`"
        raise KeptBack(f"{portfolio} has no champion to stand beside; {promote} makes one")
    if version.sha == champion:
        raise KeptBack(f"{version.sha[:12]} is the champion of {portfolio}; expected another release")
    rehearse(workspace, version.sha)
    trial = workspace.registry.trials.challenge(version, by=by, why=why)
    note_done(workspace, "challenge", by, {"release": version.sha, "reason": why})
    console.print(f"[green]✓[/] {version.sha[:12]} is tried in the shadow of the champion {champion[:12]}")
    _awaited(workspace, trial)
    console.print(f"`lendloop release compare {portfolio}` shows what it would have decided", highlight=False)


def end_trial(portfolio: str, by: str, why: str) -> None:
    """Try no challenger any more."""
    workspace = open_workspace(portfolio)
    workspace.registry.trials.end(portfolio, by=by, why=why)
    note_done(workspace, "end_trial", by, {"reason": why})
    write_trial(workspace.settings.releases, portfolio, None)
    console.print(f"[green]✓[/] no challenger is tried in {portfolio}")


def start_canary(portfolio: str, share: float, by: str, why: str, *, force: bool) -> None:
    """Have the challenger answer a share of the customers, unless a gate kept it back and nobody insists."""
    workspace = open_workspace(portfolio)
    running = workspace.registry.trials.current(portfolio)
    if running is not None and (kept := blocked_by(workspace.registry.release(portfolio, running.sha))):
        names = ", ".join(result.name for result in kept)
        if not force:
            raise KeptBack(
                f"{running.sha[:12]} was kept back by {names}; --force lets it answer all the same, on record"
            )
        by = f"{by} (against {names})"
    trial = workspace.registry.trials.canary(portfolio, share, by=by, why=why)
    note_done(workspace, "canary", by, {"release": trial.sha, "share": share, "reason": why})
    console.print(f"[green]✓[/] {trial.sha[:12]} answers {share:.1%} of the customers of {portfolio}")
    console.print("the service stops it by itself when it breaks a limit of the policy:", highlight=False)
    console.print(f"`lendloop policy explain {portfolio}`", highlight=False)
    _awaited(workspace, trial)


def stop_canary(portfolio: str, by: str, why: str) -> None:
    """Have the champion answer everyone again."""
    workspace = open_workspace(portfolio)
    trial = workspace.registry.trials.stop(portfolio, by=by, why=why)
    note_done(workspace, "stop_canary", by, {"release": trial.sha, "reason": why})
    if portfolio in tried_portfolios(workspace.settings.releases):
        # Here at once: a service that is not running now must not begin with what it had noted last.
        write_trial(workspace.settings.releases, portfolio, Noted(trial.sha, trial.share, trial.number, trial.began))
    console.print(f"[green]✓[/] the champion answers everyone; {trial.sha[:12]} stays in its shadow")
    _awaited(workspace, trial)


def trial_lines(workspace: Workspace, sha: str = "") -> Iterator[str]:
    """The steps of the trials, of one release or of all, oldest first, as a person reads them."""
    for step in workspace.registry.trials.steps(workspace.name):
        if sha in ("", step.sha):
            yield f"{_described(step)} by {step.by or 'unknown'} at {step.at}{f': {step.why}' if step.why else ''}"


def _described(step: TrialStep) -> str:
    what = {
        "challenge": "challenger",
        "canary": f"canary of {step.share:.1%}",
        "stop": "canary stopped",
        "end": "trial ended",
    }
    return f"{step.sha[:12]} {what[step.action]}"


def _awaited(workspace: Workspace, trial: Trial) -> None:
    """Wait until every worker of the running service, if any runs, has taken the step."""
    from serving.deployment import status
    from serving.pointers import CHALLENGER_FAULT, read_fault, read_workers

    releases, root = workspace.settings.releases, workspace.settings.root()
    if status(root) is None:
        console.print("no service runs on this home; the next one tries it")
        return
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until and (running := status(root)) is not None:
        if fault := read_fault(releases, workspace.name, CHALLENGER_FAULT):
            console.print(f"[yellow]warning[/]: the running service cannot try it: {fault}")
            return
        known = read_trial(releases, workspace.name)
        loaded = [served.get(workspace.name) for served in read_workers(releases, REPORTS).values()]
        if known and known.number == trial.number and loaded.count(trial.sha) >= running.workers:
            console.print("every worker of the running service goes by it")
            return
        time.sleep(0.1)
    console.print("[yellow]warning[/]: not every worker goes by it yet; GET /v1/releases says why")
