"""What was measured as tables, and beside each goal of the decision service whether it was reached."""

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from benchmarks.figures import Line
from benchmarks.serving.contenders import FLOOR, SHAP_FLOOR, TABLE_FLOOR, TUTORIAL
from benchmarks.serving.measuring import Measured

OURS = "Lendloop"
MOST_DEGRADED = 0.001
HALF_P99_MS = 10.0
SHARES = ((TUTORIAL, 4.0), (FLOOR, 0.5), (SHAP_FLOOR, 0.9))
STEPS = ("features", "circumstances", "decide", "log")


@dataclass(frozen=True)
class Goal:
    """A goal with what was found."""

    text: str
    reached: bool


def goals(measured: Measured) -> list[Goal]:
    """The goals: shares of the peers, which have one worker, by ours with one; the latency by each of ours."""
    found = []
    for name, one in _ours(measured).items():
        if name.endswith("1 worker"):
            for peer, least in SHARES:
                share = one["peak"]["rate"] / rate_of(measured, peer)
                found.append(Goal(f"{name}: {share:.2f} x {peer}, expected at least {least:g}", share >= least))
        p99 = one["half"]["p99"]
        text = f"{name}: p99 {p99:.1f} ms at half of the peak rate, expected under {HALF_P99_MS:g} ms"
        found.append(Goal(text, p99 < HALF_P99_MS))
    return found


def faults(measured: Measured) -> list[str]:
    """What makes the figures worthless: answers that failed, were not in the log, or were made without features."""
    found = []
    for name, one in measured.items():
        for pace in ("peak", "half"):
            run = one[pace]
            if run["failed"]:
                found.append(f"{name}, {pace}: {run['failed']} requests failed")
            if run["unlogged"]:
                found.append(f"{name}, {pace}: {run['unlogged']} answers that no committed decision stands for")
            if run["degraded"] > MOST_DEGRADED:
                found.append(f"{name}, {pace}: {run['degraded']:.2%} of the decisions were made without fresh features")
    return found


def lines(measured: Measured, valid: bool) -> list[Line]:
    """What README says: ours with one worker, whichever store its features come from."""
    made = []
    for name, one in _ours(measured).items():
        if not name.endswith("1 worker"):
            continue
        rate, p99 = one["peak"]["rate"], one["half"]["p99"]
        (tutorial, times), (floor, share), _ = ((rate_of(measured, peer), least) for peer, least in SHARES)
        shares = (rate / tutorial, rate / floor)
        made.append(
            Line(
                f"decisions with reasons and a durable log, {name.removeprefix(f'{OURS}, ')}",
                f"≥ {times:g} × tutorial stack, ≥ {share:.0%} of scores only, p99 < {HALF_P99_MS:g} ms at half",
                f"{rate:,.0f}/s, p99 {p99:.1f} ms" + ("" if valid else " (not valid)"),
                f"{tutorial:,.0f}/s ({shares[0]:.1f} ×)",
                f"{floor:,.0f}/s ({shares[1]:.0%})",
                valid and shares[0] >= times and shares[1] >= share and p99 < HALF_P99_MS,
            )
        )
    return made


def tables(measured: Measured) -> list[Table]:
    """Rates beside each other, and where an answer of ours spends its time at half of the peak rate."""
    peers = (TUTORIAL, FLOOR, SHAP_FLOOR, TABLE_FLOOR)
    of = [f"of {peer}" for peer in peers]
    rates = Table("", "requests/s", "p50 ms", "p99 ms", "CPU ms", *of, "at half: requests/s", "p50", "p99", box=None)
    for name, one in measured.items():
        peak, half = one["peak"], one["half"]
        shares = [f"{peak['rate'] / rate_of(measured, peer):.2f}" for peer in peers]
        paced = [f"{half['rate']:,.0f}", f"{half['p50']:.1f}", f"{half['p99']:.1f}"]
        figures = [f"{peak['p50']:.1f}", f"{peak['p99']:.1f}", f"{peak['cpu']:.2f}"]
        rates.add_row(name, f"{peak['rate']:,.0f}", *figures, *shares, *paced)
    steps = Table("mean ms of a step, at half", *STEPS, box=None)
    for name, one in _ours(measured).items():
        steps.add_row(name, *(f"{one['half']['steps'].get(step, 0):.2f}" for step in STEPS))
    return [rates, steps]


def _ours(measured: Measured) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in measured.items() if name.startswith(OURS)}


def rate_of(measured: Measured, peer: str) -> float:
    """The peak rate of the contender whose name begins so."""
    return float(next(one["peak"]["rate"] for name, one in measured.items() if name.startswith(f"{peer} ")))
