"""What a person is shown about a portfolio."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from flows.onboarding.check import PortfolioCheck
from flows.onboarding.first_limits import first_limits
from flows.onboarding.overview import Line
from flows.onboarding.plan import FEW_EVENTS, Plan
from flows.onboarding.treatment import Role, Treated
from flows.terminal import console, errors

ROLES: tuple[tuple[Role, str], ...] = (
    ("feature", "features"),
    ("protected", "protected, for fairness only"),
    ("personal", "personal, for identity only"),
    ("leak", "likely leaks, used for nothing"),
    ("dropped", "left out, used for nothing"),
)
MOST_SHOWN = 8
FEW_MONTHS = 3


def tell_plan(plan: Plan, root: Path, usual: Path) -> None:
    """Show what was decided about a file, and the next commands; `usual` is where they look for portfolios."""
    outcome, rows, request = plan.outcome, plan.rows, plan.request
    table = Table(title=f"portfolio {request.name}", title_justify="left", show_header=False)
    table.add_row("rows", f"{len(rows.events):,} from {plan.first} to {plan.last}")
    entity = "each row is its own" if rows.numbered else f"{rows.entities:,} different ({rows.key_type})"
    table.add_row("entity", f"{plan.key}: {entity}")
    event = f"{plan.label_header} is {outcome.positive!r} ({outcome.how}), {outcome.rate:.2%} of {outcome.known:,}"
    table.add_row("label", escape(f"{event}; known at {request.matures}"))
    for role, title in ROLES:
        if found := plan.of(role):
            table.add_row(title, escape(_listed(found)))
    if request.kind == "risk":
        table.add_row("first limits", escape(_limits(plan)))
    if not rows.set_aside.is_empty():
        table.add_row("rows set aside", f"{len(rows.set_aside):,}: see set_aside.csv")
    remarks = [f"{column.header}: {remark}" for column in plan.columns for remark in column.content.remarks]
    table.add_row("read as", escape("\n".join([*plan.notes, *remarks[:MOST_SHOWN], *_more(remarks)])))
    console.print(table)
    for warning in warnings(plan):
        console.print(f"[yellow]![/] {escape(warning)}", highlight=False)
    folder = root / request.name
    console.print(f"Written to [cyan]{folder}[/]: README.md has every column. Next:", highlight=False, soft_wrap=True)
    for command in next_commands(plan, root, usual):
        console.print(f"  {command}", highlight=False, soft_wrap=True)


def next_commands(plan: Plan, root: Path, usual: Path) -> list[str]:
    """What to run next; a folder that is not the usual one goes into the environment."""
    elsewhere = f"LENDLOOP_PORTFOLIOS={root} " if root.resolve() != usual.resolve() else ""
    name = plan.request.name
    return [
        f"{elsewhere}lendloop portfolio check {name}",
        f"{elsewhere}lendloop run month --portfolio {name} --as-of {plan.as_of}",
    ]


def warnings(plan: Plan) -> list[str]:
    """What may make the first months disappointing."""
    events = int(plan.outcome.events.sum())
    fewest = min(events, plan.outcome.known - events)
    found, dates = [], plan.rows.dates
    if dates.ambiguous:
        found.append(
            f"times fit {dates.ambiguous} alike and were read as the first; if that is wrong, write them as 2024-01-31"
        )
    if plan.months < FEW_MONTHS:
        found.append(
            f"labels of {plan.months} months are known by {plan.as_of}: too few to test a model on later months"
        )
    if fewest < FEW_EVENTS:
        found.append(f"only {fewest} rows of the rarer outcome: expect wide intervals")
    if not plan.groups:
        found.append("no protected column: fairness cannot be measured; name one with --protected if the file has any")
    return found


def tell_check(name: str, found: PortfolioCheck) -> None:
    """Show the tables of a portfolio against their contracts, and every fault."""
    if found.tables:
        table = Table("table", "rows", "kept", "quarantined", "commonest reasons", title=f"portfolio {name}")
        table.title_justify = "left"
        for one in found.tables:
            counts = (f"{count:,}" for count in (one.rows_in, one.rows_kept, one.rows_quarantined))
            table.add_row(one.table, *counts, escape(one.commonest))
        console.print(table)
    for fault in found.faults:
        errors.print(f"[red]✗[/] {escape(fault)}", highlight=False, soft_wrap=True)
    if found.faults:
        count = len(found.faults)
        errors.print(f"{count} fault{'s' if count > 1 else ''} in {name}", highlight=False)
    else:
        console.print(f"[green]✓[/] {name}: nothing wrong", highlight=False)


def tell_overview(lines: Sequence[Line], root: Path) -> None:
    """Show the portfolios there are in the folder `root`."""
    if not lines:
        command = "`lendloop portfolio new NAME --from FILE --time COLUMN --label COLUMN`"
        console.print(f"no portfolio in {root}; make one of a file with {command}", soft_wrap=True)
        return
    table = Table("portfolio", "entity", "models", "first month", "last month", "rows")
    for line in lines:
        rows = ", ".join(f"{name} {count:,}" for name, count in (line.rows or {}).items())
        shown = rows if not line.fault else "[red]none: see below[/]"
        table.add_row(line.name, line.entity, ", ".join(line.models), line.first, line.last, shown)
    console.print(table)
    for fault in (line.fault for line in lines if line.fault):
        console.print(f"[red]✗[/] {escape(fault)}", soft_wrap=True)


def _limits(plan: Plan) -> str:
    found = first_limits(plan)
    shown = ", ".join(f"{grade} {limit:,.0f}" for grade, limit in found.by_grade.items() if limit)
    return f"{shown}\n{found.source}"


def _listed(columns: Sequence[Treated]) -> str:
    if columns[0].role == "feature":
        numbers = sum(column.content.type != "category" for column in columns)
        names = ", ".join(column.feature_name for column in columns[:MOST_SHOWN])
        more = f", … {len(columns) - MOST_SHOWN} more" if len(columns) > MOST_SHOWN else ""
        return f"{len(columns)}: {numbers} numbers, {len(columns) - numbers} categories\n{names}{more}"
    shown = [f"{column.header or column.name}: {column.why}" for column in columns]
    return "\n".join([*shown[:MOST_SHOWN], *_more(shown)])


def _more(lines: Sequence[str]) -> list[str]:
    return [f"… {len(lines) - MOST_SHOWN} more, see README.md"] if len(lines) > MOST_SHOWN else []
