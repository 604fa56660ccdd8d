"""`lendloop doctor`."""

import typer


def doctor() -> None:
    """Say what is installed, reachable and configured, and what to do about each fault; exit code 1 on any."""
    from pydantic import ValidationError
    from rich.markup import escape
    from rich.table import Table

    from flows.doctor import configured, examine, misset
    from flows.terminal import console, errors
    from infra.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        for fault in misset(error):
            errors.print(f"[red]fail[/] {escape(fault)}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    with errors.status("looking"):
        findings = examine(settings)
    table = Table("", "what")
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for one in findings:
        mark = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}[one.status]
        table.add_row(mark, one.what, escape(one.found), escape(one.remedy))
    console.print(table)
    shown = Table("setting", "value", title="settings, from the environment or .env", title_justify="left")
    for name, value in configured(settings):
        shown.add_row(name, escape(value))
    console.print(shown)
    failed = sum(one.status == "fail" for one in findings)
    warned = sum(one.status == "warn" for one in findings)
    console.print(f"{len(findings)} looked at: {failed} failed, {warned} to watch", highlight=False)
    if failed:
        raise typer.Exit(1)
