"""`README.md` of a plan: where the data are from and what was decided."""

from flows.onboarding.plan import Plan


def readme_text(plan: Plan) -> str:
    """The text of `README.md`."""
    request, rows = plan.request, plan.rows
    lines = [
        f"# {request.name}",
        "",
        f"Made by lendloop portfolio new from `{request.source.name}`. "
        "**Source, licence and owner of the data: say so here.**",
        "",
        f"- {len(rows.events):,} rows from {plan.first} to {plan.last}; {rows.entities:,} entities, named by "
        f"`{plan.key}`.",
        f"- Label: `{plan.label_header}` is `{plan.outcome.positive}` ({plan.outcome.how}; the other value is "
        f"`{plan.outcome.negative}`), {plan.outcome.known:,} rows, {plan.outcome.rate:.2%} events, known at "
        f"{request.matures}.",
        *(f"- {note[:1].upper()}{note[1:]}." for note in plan.notes),
    ]
    if not rows.set_aside.is_empty():
        lines.append(
            f"- {len(rows.set_aside):,} rows could not be used: see `set_aside.csv`, with the reason for each."
        )
    lines += [
        "",
        "## What became of each column",
        "",
        "| column | in the portfolio | what | why |",
        "|---|---|---|---|",
    ]
    for column in plan.columns:
        remarks = "; ".join(part for part in (column.why, *column.content.remarks) if part)
        lines.append(f"| {_cell(column.header)} | `{column.name}` | {column.role} | {_cell(remarks)} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
