"""Who moves when decisions are made in another way: from outcome to outcome, by amount and by protected group."""

from collections.abc import Sequence
from math import sqrt

import polars as pl

from features.documents import Document
from training.fairness import Gap, approval_gap
from training.groups import group_values
from training.spec import FairnessSpec

FAVOURABLE = ("approve", "contact")
ORDER = ("approve", "review", "decline", "contact", "skip")
SCHEMA = {
    "decision_id": pl.String,
    "entity_id": pl.String,
    "amount": pl.Float64,
    "before": pl.String,
    "after": pl.String,
}
"""Columns of a frame of moves: a row a decision, its outcome before and after, the amount asked for if any."""
NORMAL_95 = 1.959963984540054


class Shift(Document):
    """How many of `decisions` were approved (or contacted) before and are after; `change` in share, 95 % interval.

    Interval of a paired difference (b - c)/n: +- 1.96 sqrt(b + c - (b - c)^2 / n) / n, b gaining and c losing it.
    """

    what: str
    decisions: int
    before: int
    after: int
    moved: int
    change: float
    low: float
    high: float


class GroupShift(Document):
    """One protected attribute: each group's shift, and the gap between groups before and after."""

    attribute: str
    groups: tuple[Shift, ...]
    gap_before: Gap
    gap_after: Gap


def matrix(moves: pl.DataFrame) -> pl.DataFrame:
    """Counts, shares and amounts of every pair of outcomes that occurs: before, after, decisions, share, amount."""
    order = pl.Enum(ORDER)
    return (
        moves.group_by("before", "after")
        .agg(decisions=pl.len(), amount=pl.col("amount").sum())
        .with_columns(share=pl.col("decisions") / max(moves.height, 1))
        .sort(pl.col("before").cast(order), pl.col("after").cast(order))
    )


def shift(moves: pl.DataFrame, what: str) -> Shift:
    """How the share of favourable outcomes moves."""
    before, after = (moves[column].is_in(FAVOURABLE) for column in ("before", "after"))
    gained, lost, rows = int((after & ~before).sum()), int((before & ~after).sum()), max(moves.height, 1)
    change = (gained - lost) / rows
    half = NORMAL_95 * sqrt(gained + lost - (gained - lost) ** 2 / rows) / rows
    return Shift(
        what=what,
        decisions=moves.height,
        before=int(before.sum()),
        after=int(after.sum()),
        moved=int((moves["before"] != moves["after"]).sum()),
        change=change,
        low=change - half,
        high=change + half,
    )


def by_amount(moves: pl.DataFrame, bands: int = 4) -> list[Shift]:
    """Shifts of the decisions without an amount, and of bands of amounts with about as many decisions in each."""
    asked = moves.filter(pl.col("amount").is_not_null())
    found = [shift(moves.filter(pl.col("amount").is_null()), "none stated")] if asked.height < moves.height else []
    bounds = sorted({_quantile(asked["amount"], number / bands) for number in range(1, bands)} if len(asked) else ())
    for low, high in zip([None, *bounds], [*bounds, None], strict=True):
        inside = asked
        if low is not None:
            inside = inside.filter(pl.col("amount") > low)
        if high is not None:
            inside = inside.filter(pl.col("amount") <= high)
        if not inside.is_empty():
            found.append(shift(inside, _band(low, high)))
    return found


def by_group(moves: pl.DataFrame, groups: pl.DataFrame, spec: FairnessSpec) -> list[GroupShift]:
    """Shifts for each column of `groups`, which has the column `entity_id` and one row an entity."""
    joined = moves.join(groups, on="entity_id", how="inner", maintain_order="left")
    names = [name for name in groups.columns if name != "entity_id"]
    return [_group_shift(joined, name, spec) for name in names] if not joined.is_empty() else []


def _group_shift(joined: pl.DataFrame, name: str, spec: FairnessSpec) -> GroupShift:
    member = pl.Series("_member", group_values(joined[name], spec), dtype=pl.String)
    rows = joined.with_columns(member)
    before, after = (
        approval_gap(rows[column].is_in(FAVOURABLE).to_numpy(), groups=member.to_numpy(), smallest=spec.smallest_group)
        for column in ("before", "after")
    )
    return GroupShift(
        attribute=name,
        groups=tuple(shift(rows.filter(pl.col("_member") == one), one) for one in member.unique().sort()),
        gap_before=before,
        gap_after=after,
    )


def _quantile(values: pl.Series, share: float) -> float:
    return float(values.quantile(share, "lower") or 0)


def _band(low: float | None, high: float | None) -> str:
    if low is None:
        return "all" if high is None else f"up to {high:,.0f}"
    return f"over {low:,.0f}" if high is None else f"{low:,.0f} to {high:,.0f}"


def movement_markdown(
    moves: pl.DataFrame, groups: pl.DataFrame | None, spec: FairnessSpec, sides: tuple[str, str] = ("before", "after")
) -> str:
    """All of it as Markdown, fit for a pull request; `sides` name what moves from which to which."""
    whole = shift(moves, "all")
    parts = [
        f"{whole.decisions:,} decisions, {whole.moved:,} move ({_share(whole.moved, whole.decisions)}); "
        f"approved {_share(whole.before, whole.decisions)} → {_share(whole.after, whole.decisions)}, {_change(whole)}",
        markdown_table(
            (*sides, "decisions", "share", "amount asked for"),
            [
                (row["before"], row["after"], f"{row['decisions']:,}", f"{row['share']:.1%}", f"{row['amount']:,.0f}")
                for row in matrix(moves).iter_rows(named=True)
            ],
        ),
        "**By amount**",
        _shifts("amount", by_amount(moves), sides),
    ]
    found = by_group(moves, groups, spec) if groups is not None else []
    for one in found:
        parts += [f"**By {one.attribute}**: gap {_gap(one.gap_before)} → {_gap(one.gap_after)}"]
        parts += [_shifts(one.attribute, one.groups, sides)]
    if not found:
        parts.append("No protected groups are known for these decisions.")
    return "\n\n".join(parts) + "\n"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table whose source is aligned too: the first columns are text, those of numbers are set right."""
    right = [bool(rows) and all(row[place][:1] in "0123456789-+−±–" for row in rows) for place in range(len(headings))]
    width = [max(3, len(head), *(len(row[place]) for row in rows), 0) for place, head in enumerate(headings)]

    def line(cells: Sequence[str]) -> str:
        padded = [c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, width, right, strict=True)]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * (w - 1) + (":" if r else "-") for w, r in zip(width, right, strict=True)]
    return "\n".join([line(headings), line(rule), *map(line, rows)])


def _shifts(what: str, shifts: Sequence[Shift], sides: tuple[str, str]) -> str:
    rows = [
        (
            one.what,
            f"{one.decisions:,}",
            _share(one.before, one.decisions),
            _share(one.after, one.decisions),
            f"{one.moved:,}",
            _change(one),
        )
        for one in shifts
    ]
    headings = (what, "decisions", f"approved {sides[0]}", sides[1], "moved", "change in points (95 %)")
    return markdown_table(headings, rows)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _change(one: Shift) -> str:
    return f"{100 * one.change:+.1f} ({100 * one.low:+.1f} to {100 * one.high:+.1f})"


def _gap(gap: Gap) -> str:
    return "not known" if gap.value is None else f"{100 * gap.value:.1f} points ({gap.highest} over {gap.lowest})"
