"""`lendloop staff …`: the people who may act, and their local accounts."""

from typing import Annotated

import typer

app = typer.Typer(help="Staff: the people who may act, in which roles.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="a-z, 0-9 and ._@-; never given to another person")]
Roles = Annotated[str, typer.Option(help="of engineer,risk_officer,reviewer,marketer,auditor")]
Portfolios = Annotated[str, typer.Option(help="portfolios open to them, with commas between; *: all")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="read the password from input instead of asking")]
By = Annotated[str, typer.Option(help="who does it; kept; default: whoever is signed in, or this machine's user")]


@app.command("add")
def add(name: Name, roles: Roles, portfolios: Portfolios, password_stdin: FromInput = False, by: By = "") -> None:
    """Add a member of the staff with a local account."""
    from flows.acting import actor
    from flows.staffing import add_member

    add_member(name, roles, portfolios, password_stdin, actor(by))


@app.command("list")
def list_all() -> None:
    """List everyone who is or was on the staff."""
    from flows.staffing import list_staff

    list_staff()


@app.command("roles")
def roles(
    name: Name,
    roles: Annotated[str, typer.Option(help="all of their roles from now on; default: as they are")] = "",
    portfolios: Annotated[str, typer.Option(help="all of their portfolios from now on; default: as they are")] = "",
    by: By = "",
) -> None:
    """Give a member other roles or portfolios, from the next request."""
    from flows.acting import actor
    from flows.staffing import change_member

    change_member(name, roles, portfolios, actor(by))


@app.command("password")
def password(name: Name, password_stdin: FromInput = False, by: By = "") -> None:
    """Give a local account another password; its sessions end."""
    from flows.acting import actor
    from flows.staffing import set_password

    set_password(name, password_stdin, actor(by))


@app.command("end")
def end(name: Name, by: By = "") -> None:
    """End a member of the staff for good, and their sessions at once."""
    from flows.acting import actor
    from flows.staffing import end_member

    end_member(name, actor(by))


@app.command("login")
def login(
    name: Annotated[str, typer.Argument(help="default: LENDLOOP_STAFF")] = "", password_stdin: FromInput = False
) -> None:
    """Sign in at this machine for an hour: commands then act as you."""
    from flows.staffing import sign_in

    sign_in(name, password_stdin)


@app.command("logout")
def logout() -> None:
    """Forget who signed in at this machine."""
    from flows.staffing import sign_out

    sign_out()
