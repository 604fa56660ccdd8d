"""`lendloop`: the commands put together, and what a person sees when one fails."""

import gc
import os
import signal
import sys

import typer

import flows.cli.consents as consents
import flows.cli.decisions as decisions
import flows.cli.incumbents as incumbents
import flows.cli.lists as lists
import flows.cli.logs as logs
import flows.cli.models as models
import flows.cli.partners as partners
import flows.cli.policies as policies
import flows.cli.portfolios as portfolios
import flows.cli.releases as releases
import flows.cli.reports as reports
import flows.cli.reviews as reviews
import flows.cli.running as running
import flows.cli.staff as staff
import flows.cli.why as why
import flows.cli.worlds as worlds

app = typer.Typer(
    name="lendloop",
    help="Run a lender's models as one loop: data, features, training, release, decisions, monitoring.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich's would triple the time that `lendloop --help` takes
)
STOPPED = 130
"""Exit code after Ctrl-C or SIGTERM."""
running.add_commands(app)
decisions.add_commands(app)
why.add_commands(app)
worlds.add_commands(app)
app.add_typer(consents.app, name="consent")
app.add_typer(incumbents.app, name="incumbent")
app.add_typer(lists.app, name="list")
app.add_typer(logs.log, name="log")
app.add_typer(logs.decision, name="decision")
app.add_typer(models.app, name="model")
app.add_typer(policies.app, name="policy")
app.add_typer(partners.app, name="partner")
app.add_typer(portfolios.app, name="portfolio")
app.add_typer(releases.app, name="release")
app.add_typer(reports.app, name="report")
app.add_typer(reviews.app, name="review")
app.add_typer(staff.app, name="staff")


def main() -> None:
    """Entry point: a fault of the input is one clear message and exit code 1, never a traceback."""
    # Matrices here have tens of columns: OpenBLAS's threads only wait for each other, at full speed.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A command imports a million objects that stay: fewer looks for garbage among them.
    gc.set_threshold(20_000, 10, 10)
    # Ended by a supervisor or a time limit, a command stops the servers it started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except (KeyboardInterrupt, SystemExit) as ended:
        # Typer makes an exit code of Ctrl-C, and says nothing.
        if isinstance(ended, SystemExit) and ended.code != STOPPED:
            raise
        typer.secho("stopped: what was finished is kept; the same command goes on where it was", err=True)
        sys.exit(STOPPED)
    except Exception as error:
        from flows.cli.faults import explain

        typer.secho(explain(error), err=True, fg="red")
        sys.exit(1)
