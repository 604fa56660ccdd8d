"""`lendloop policy`: a policy checked, explained, tried on logged decisions, and its cut-off chosen."""

from pathlib import Path

from rich.markdown import Markdown

from flows.moving import as_logged, by_policy, moves, told
from flows.terminal import console, errors
from flows.workspace import Workspace, open_workspace
from serving.policy import Policy, read_policy
from serving.policy.wording import explained


def check_policy(portfolio: str, file: Path | None) -> None:
    """Print that the policy can be used, or raise `DocumentError` with each fault's file, line, key and column."""
    path, policy = _read(open_workspace(portfolio), file)
    rules = policy.risk.rules if policy.risk else ()
    console.print(
        f"[green]✓[/] {path}: decides by {', '.join(policy.models)}; {len(rules)} rules, {len(policy.reasons)} reasons",
        highlight=False,
    )


def explain_policy(portfolio: str, file: Path | None) -> None:
    """Print the policy in plain words; as Markdown where the output is no terminal."""
    _, policy = _read(open_workspace(portfolio), file)
    show(f"# How {portfolio} decides\n\n{explained(policy)}")


def simulate_policy(portfolio: str, file: Path, since: str, until: str, out: Path | None) -> None:
    """Make the logged decisions again with another policy, and show who moves."""
    workspace = open_workspace(portfolio)
    path, policy = _read(workspace, file)
    with errors.status("deciding again"):
        found = moves(workspace, since, until, as_logged, by_policy(workspace, policy))
        text = told(workspace, found, policy)
    heading = f"## What `{path.name}` would change for {portfolio}\n\n"
    aside = "Each decision on its own release and logged features; quotas count what was granted then.\n\n"
    write_out(heading + aside + text, out)


def write_out(text: str, out: Path | None) -> None:
    """Show Markdown, and keep it in `out` when that is given."""
    show(text)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        errors.print(f"written to {out}", highlight=False)


def show(text: str) -> None:
    """Markdown as a terminal shows it, or the text itself where the output goes into a file or a pull request."""
    if console.is_terminal:
        console.print(Markdown(text))
    else:
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _read(workspace: Workspace, file: Path | None) -> tuple[Path, Policy]:
    path = file or workspace.portfolio.folder / "policy.yaml"
    return path, read_policy(path, workspace.portfolio.features, workspace.models)
