"""What 10^9 customer-months need, computed from the rates in `benchmarks/results/*.json`.

Nothing was measured on more than two workers of one machine: that more share the work evenly is an assumption.
`python -m benchmarks.scale_plan` prints the tables, and puts them into docs/scale.md between their marks; a test
compares the two.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.pages import filled

ROOT = Path(__file__).parents[1]
WRITING = 1 / 3
"""Of a build's core-seconds, that go into writing Parquet (py-spy, at 10^7 customers)."""
RESULTS = Path(__file__).parent / "results"
HEADINGS = ("step", "measured here", "10^9 customer-months", "on the plan's nodes")


@dataclass(frozen=True)
class Plan:
    """The cluster that is planned for; a node's cores are taken to be as fast as those the rates were measured on."""

    customer_months: int = 1_000_000_000
    months: int = 12
    nodes: int = 8
    cores: int = 16
    shard_gib: float = 25.0
    filled: float = 0.7
    """Of a shard's memory, that data may take: the rest is for copies on write and growth."""

    @property
    def customers(self) -> float:
        """How many customers these are."""
        return self.customer_months / self.months

    def hours(self, processor_seconds: float) -> float:
        """Hours that work takes when all cores share it."""
        return processor_seconds / 3600 / (self.nodes * self.cores)


def steps(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    """A row for each step whose figures are there."""
    if (found := _read("features_scale")) is not None:
        yield _features(plan, found)
    if (found := _read("materialize")) is not None:
        yield _online(plan, found, _read("redis_size"))
    if (found := _read("training_sets_large") or _read("training_sets")) is not None:
        yield _training_set(found)
    if (found := _read("retrain_overhead")) is not None:
        yield _retraining(found)
    if (found := (_read("batch_decisions") or {}).get("book")) is not None:
        yield _book(plan, found)


def _features(plan: Plan, found: dict[str, Any]) -> tuple[str, str, str, str]:
    last = found["sizes"][-1]
    needed = last["processor_seconds"] / last["rows"] * plan.customer_months
    terabytes = (last["tables_mb"] + last["features_mb"]) / last["rows"] * plan.customer_months / 1e6
    gib = last["peak_mib"] / 1024
    return (
        f"features, {found['features']} of a table",
        f"{last['rows']:,} rows: {last['processor_seconds']:,.0f} core-seconds, {gib:.1f} GiB a worker",
        f"{needed / 3600:,.0f} core-hours, {terabytes:.2f} TB of Parquet",
        f"{plan.hours(needed) * 60:.0f} min to compute with {plan.cores * gib:.0f} GiB a node, "
        f"{needed * WRITING / 3600:.1f} h for the one process that writes",
    )


def _online(plan: Plan, found: dict[str, Any], size: dict[str, Any] | None) -> tuple[str, str, str, str]:
    rate = found["float32"]["our engine, by Feast's materialize"]
    one = plan.customers / rate / 3600
    if size is None:
        return "online store, 40 features", f"{rate:,.0f} rows/s, one writer", f"{one:,.1f} h of one writer", ""
    bytes_each = max(size["bytes_per_customer"].values())
    gib = plan.customers * bytes_each / 2**30
    shards = -(-gib // (plan.shard_gib * plan.filled))
    return (
        "online store, 40 features",
        f"{rate:,.0f} rows/s, one writer and its Redis; {bytes_each:,.0f} bytes a customer",
        f"{plan.customers / 1e6:.0f} million customers, {gib:,.0f} GiB, {one:,.1f} h of one writer",
        f"{shards:.0f} Redis shards of {plan.shard_gib:.0f} GiB, {one / shards * 60:.0f} min with a writer each",
    )


def _training_set(found: dict[str, Any]) -> tuple[str, str, str, str]:
    seconds = found["1 view"]["ours"]
    rows = found["observations"]
    return (
        "training set, 40 features",
        f"{rows:,} observations in {seconds:.1f} s",
        "samples, not everyone: a model of credit risk has learned what it can from 10^7 rows",
        f"10^7 in {seconds / rows * 1e7:,.0f} s on one node",
    )


def _retraining(found: dict[str, Any]) -> tuple[str, str, str, str]:
    last = max(found["sizes"].values(), key=lambda one: (one["rows"], one["trees"]))
    rows = last["rows"]
    scaled = last["processor_seconds"] * 1e7 / rows
    return (
        "retraining",
        f"{rows:,} rows, {last['trees']} trees: {last['processor_seconds']:,.0f} core-seconds, "
        f"{last['peak_mib'] / 1024:.1f} GiB",
        f"10^7 rows: {scaled / 3600:.1f} core-hours, {last['peak_mib'] / 1024 * 1e7 / rows:.0f} GiB",
        "one node a model, models and portfolios side by side",
    )


def _book(plan: Plan, found: dict[str, Any]) -> tuple[str, str, str, str]:
    each = found["processor_seconds"] / found["customers"]
    return (
        "a book decided, with reasons",
        f"{found['customers']:,} customers: {found['processor_seconds']:,.0f} core-seconds, "
        f"{found['peak_mib'] / 1024:.1f} GiB a worker",
        f"{each * plan.customers / 3600:,.1f} core-hours, "
        f"{found['written_mb'] / found['customers'] * plan.customers / 1e3:,.0f} GB written",
        f"{plan.hours(each * plan.customers) * 60:.1f} min",
    )


def measured() -> str:
    """What a build of features took, size by size."""
    found = _read("features_scale")
    if found is None:
        return ""
    headings = ("customers", "rows", "core-seconds", "rows a core-second", "rows/s by the clock", "most memory")
    sizes = [
        (
            f"{one['customers']:,}",
            f"{one['rows']:,}",
            f"{one['processor_seconds']:,.0f}",
            f"{one['rows'] / one['processor_seconds']:,.0f}",
            f"{one['rows_per_second']:,}",
            f"{one['peak_mib'] / 1024:.1f} GiB",
        )
        for one in found["sizes"]
    ]
    grown = f"Core-seconds grow with the rows to the power of {found['exponent']:.2f}." if found["exponent"] else ""
    return f"{_table(headings, sizes)}\n\n{grown} {found['features']} features of {found['months']} months."


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, tuple("---" for _ in headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _read(name: str) -> dict[str, Any] | None:
    file = RESULTS / f"{name}.json"
    found: dict[str, Any] | None = json.loads(file.read_text()) if file.is_file() else None
    return found


def on_ray() -> str:
    """The same work by one process and by Ray's workers."""
    found = _read("on_ray")
    if found is None:
        return ""
    headings = ("", "joined: rows/s", "core-seconds", "written to one Redis: rows/s", "core-seconds")
    rows = []
    for name in found["joined"]:
        cells = [name]
        for work in ("joined", "written"):
            one = found[work][name]
            cells += [f"{round(found['rows'] / one['seconds'], -2):,.0f}", f"{one['core_seconds']:.1f}"]
        rows.append(tuple(cells))
    return _table(headings, rows)


def tables() -> dict[str, str]:
    """The tables of docs/scale.md by their marks."""
    return {"measured": measured(), "plan": _table(HEADINGS, steps(Plan())), "on_ray": on_ray()}


def main() -> int:
    """Print the tables, and put them into docs/scale.md."""
    page = ROOT / "docs" / "scale.md"
    Console(highlight=False, soft_wrap=True).print(*tables().values(), sep="\n\n")
    page.write_text(filled(page.read_text(encoding="utf-8"), tables()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
