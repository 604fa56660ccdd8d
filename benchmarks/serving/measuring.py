"""All contenders under load, in turn and again: what one minute does to the machine, it does to each of them."""

import statistics
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx

from benchmarks.serving.load import CONNECTIONS, Run, Target, paused, run

Measured = dict[str, dict[str, Any]]
WARM_SECONDS = 1
MIDDLE = ("rate", "p50", "p99", "cpu", "wrk")
SAME = 1e-9


class Unlike(RuntimeError):
    """A contender does not answer the question that the others answer."""


def rehearse(targets: list[Target], ids: list[int]) -> None:
    """The peers give the model's probability, ours the calibrated one with reasons; or else `Unlike`."""
    expected: dict[tuple[bool, int], float] = {}
    for target in targets:
        for entity in ids[:5]:
            answer = _ask(target, entity)
            found = answer["probability"]
            first = expected.setdefault((target.ours, entity), found)
            if found is None or abs(found - first) > SAME:
                raise Unlike(f"{target.name}: customer {entity} has {found}, expected {first}; it answered {answer}")
            if target.ours and (answer["stale"] or not answer["reasons"]):
                raise Unlike(f"{target.name}: expected an answer on fresh features with reasons; found {answer}")


def measure(
    targets: list[Target], ids: list[int], folder: Path, seconds: int, rounds: int, tell: Callable[[str], None]
) -> Measured:
    """By contender, the medians at full speed (`peak`) and at half of that (`half`), and every run."""
    runs: dict[str, dict[str, list[Run]]] = {target.name: {"peak": [], "half": []} for target in targets}
    for target, others in _turns(targets, 1):
        with paused(others):
            run(target, ids, folder, seconds=WARM_SECONDS)
    for pace in ("peak", "half"):
        for place, (target, others) in enumerate(_turns(targets, rounds)):
            delay = 0.0 if pace == "peak" else _delay(runs[target.name]["peak"])
            with paused(others):
                runs[target.name][pace].append(run(target, ids, folder, seconds=seconds, delay=delay))
            tell(f"{pace} {place // len(targets) + 1}/{rounds}  {target.name}: {_said(runs[target.name][pace][-1])}")
    return {name: {pace: _median(some) for pace, some in each.items()} for name, each in runs.items()}


def _turns(targets: list[Target], rounds: int) -> list[tuple[Target, list[int]]]:
    """Whose turn it is, and the processes of all others; every second round goes backwards."""
    order = [target for number in range(rounds) for target in (targets if number % 2 == 0 else targets[::-1])]
    return [(target, [other.pid for other in targets if other is not target]) for target in order]


def _delay(peak: list[Run]) -> float:
    """Milliseconds each connection waits so that all together ask at half of the peak rate."""
    rate, p50 = statistics.median(one.rate for one in peak), statistics.median(one.p50 for one in peak)
    return max(1.0, 1e3 * CONNECTIONS / (rate / 2) - p50 / 2)


def _median(runs: list[Run]) -> dict[str, Any]:
    """Medians; what must not happen is added up, or the worst of it."""
    middle = {name: statistics.median(getattr(one, name) for one in runs) for name in MIDDLE}
    steps = [one.steps for one in runs if one.steps]
    return {
        **middle,
        "failed": sum(one.failed for one in runs),
        "unlogged": sum(one.unlogged for one in runs),
        "degraded": max(one.degraded for one in runs),
        "steps": {step: statistics.median(one[step] for one in steps) for step in steps[0]} if steps else {},
        "runs": [{name: round(value, 3) for name, value in asdict(one).items() if name in MIDDLE} for one in runs],
    }


def _said(one: Run) -> str:
    bad = f", {one.failed} failed" if one.failed else ""
    degraded = f", {one.degraded:.2%} degraded" if one.degraded else ""
    return (
        f"{one.rate:,.0f} requests/s, p50 {one.p50:.1f} ms, p99 {one.p99:.1f} ms, CPU {one.cpu:.2f} ms{bad}{degraded}"
    )


def _ask(target: Target, entity: int) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {target.bearer}"} if target.bearer else {}
    body = {"entity_id": entity, **({"amount": 50000} if target.ours else {})}
    answer = httpx.post(target.url + target.path, json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
