"""The tables of docs/speed.md that tell of the results: each from its file, so that page and results never part."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.pages import RESULTS, markdown
from benchmarks.serving.contenders import FLOOR, SHAP_FLOOR, TABLE_FLOOR, TUTORIAL
from benchmarks.serving.verdicts import rate_of


def speed_tables(results: Path = RESULTS) -> dict[str, str]:
    """Each table by its mark."""
    makers = {
        "serving": _serving,
        "retrain_overhead": _retraining,
        "materialize": _materialize,
        "training_sets": _training_sets,
        "training_sets_large": _large_training_sets,
        "online_reads": _online,
    }
    return {name: make(json.loads((results / f"{name}.json").read_text())) for name, make in makers.items()}


def _serving(found: Mapping[str, Any]) -> str:
    """Each contender beside its peers and floors."""
    contenders, peers = found["contenders"], (TUTORIAL, FLOOR, SHAP_FLOOR, TABLE_FLOOR)
    rows = [["", "requests/s", *(f"of {peer}" for peer in peers), "CPU, ms", "p50, p99 at half of the peak, ms"]]
    for name, one in contenders.items():
        peak, half = one["peak"], one["half"]
        shares = [f"{peak['rate'] / rate_of(contenders, peer):.2f}" for peer in peers]
        rows.append(
            [name, f"{peak['rate']:,.0f}", *shares, f"{peak['cpu']:.2f}", f"{half['p50']:.1f}, {half['p99']:.1f}"]
        )
    return _told(rows, f"medians of {found['rounds']} rounds of {found['seconds']:g} s", found["machine"])


def _retraining(found: Mapping[str, Any]) -> str:
    """The flow beside its fits, by the size of table and model."""
    rows = [["", "whole flow, s", "its fits, s", "over them", "in processor seconds", "most memory, GiB"]]
    sizes = sorted(found["sizes"].items(), key=lambda size: (size[1]["rows"], size[1]["trees"]), reverse=True)
    for _, one in sizes:
        rows.append(
            [
                f"{one['rows']:,} rows, {one['trees']} trees",
                f"{one['seconds']:.1f}",
                f"{one['fitting_seconds']:.1f}",
                _spread(one, "overhead"),
                _spread(one, "processor_overhead"),
                f"{one['peak_mib'] / 1024:.1f}",
            ]
        )
    least = min(len(one.get("rounds", [0])) for _, one in sizes)
    how = f"of {least} rounds the one whose overhead is the median," if least > 1 else "one round"
    return _told(rows, f"{how} each", *(one.get("machine", found["machine"]) for _, one in sizes))


def _spread(one: Mapping[str, Any], figure: str) -> str:
    """The figure of the median round, and the least and most of all."""
    every = [each[figure] for each in one.get("rounds", [])]
    return f"{one[figure]:.1%}" + (f" ({min(every):.1%} to {max(every):.1%})" if len(every) > 1 else "")


def _materialize(found: Mapping[str, Any]) -> str:
    """Each way of writing, for each kind of columns, beside the floor and Feast's engine."""
    kinds = {name: rates for name, rates in found.items() if isinstance(rates, dict) and name != "machine"}
    rows = [["", *(head for kind in kinds for head in (f"{kind}, rows/s", "of the floor", "× Feast's"))]]
    floor, *_ = ways = list(next(iter(kinds.values())))
    for way in ways:
        peer = "Feast's local engine" + ", newest event wins" * way.endswith("newest event wins")
        told = [(rates[way], rates[way] / rates[floor], rates[way] / rates[peer]) for rates in kinds.values()]
        rows.append([way, *(cell for one in told for cell in (f"{one[0]:,.0f}", f"{one[1]:.2f}", f"{one[2]:.1f}"))])
    return _told(rows, f"{found['rows']:,} rows, medians of {found['rounds']} rounds", found["machine"])


def _training_sets(found: Mapping[str, Any]) -> str:
    """Each way of joining, for each number of views, beside the bare join."""
    kinds = [name for name in found if name.endswith(("view", "views")) and not name.startswith("observations")]
    rows = [["", *(head for kind in kinds for head in (f"{kind}, s", "of bare DuckDB"))]]
    for way in found[kinds[0]]:
        told = [(found[kind][way], found[kind][way] / found[kind]["bare DuckDB ASOF"]) for kind in kinds]
        rows.append([way, *(f"{figure:.2f}" for one in told for figure in one)])
    how = f"{found['observations']:,} observations, medians of {found['rounds']} rounds"
    return _told(rows, how, found["machine"])


def _large_training_sets(found: Mapping[str, Any]) -> str:
    """The same in the large size, with memory, and what became of who was not done."""
    kinds = list(found["peak_gib"])
    heads = [(f"{kind}, s", "of bare DuckDB", "most memory, GiB") for kind in kinds]
    rows = [["", *(head for some in heads for head in some)]]
    for way in dict.fromkeys(way for kind in kinds for way in found[kind]):
        cells = []
        for kind in kinds:
            taken, bare = found[kind].get(way), found[kind]["bare DuckDB ASOF"]
            peak = found["peak_gib"][kind].get(way)
            cells += [f"{taken:.0f}", f"{taken / bare:.2f}", f"{peak:.1f}"] if taken else ["", "", ""]
        rows.append([way, *cells])
    gone = [f"{way}, {kind}: {one['why']}." for kind, some in found["unfinished"].items() for way, one in some.items()]
    how = f"{found['observations']:,} observations, medians of {found['rounds']} rounds (Feast's store: one)"
    return _told(rows, how, found["machine"]) + "".join(f"\n{one}" for one in gone)


def _online(found: Mapping[str, Any]) -> str:
    """One customer read from each store, by each way."""
    stores = [name for name, one in found.items() if isinstance(one, dict) and name != "machine"]
    ways = list(dict.fromkeys(way for store in stores for way in found[store]))
    rows = [["", *(f"{store}, ms" for store in stores)]]
    rows += [[way, *(_p50(found[store].get(way)) for store in stores)] for way in ways]
    return _told(rows, f"p50 of {found['calls']} reads, medians of {found['rounds']} rounds", found["machine"])


def _p50(one: Mapping[str, float] | None) -> str:
    return f"{one['p50_ms']:.2f}" if one else ""


def _told(rows: Iterable[list[str]], how: str, *machines: Mapping[str, Any]) -> str:
    """The table, and below it how and when it was measured."""
    days = " and ".join(dict.fromkeys(machine["date"] for machine in machines))
    loads = ", ".join(f"{machine['load_before']:.1f}" for machine in machines)
    return f"{markdown(rows)}\n\n{how} ({days}, load before {loads})."
