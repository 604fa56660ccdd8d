"""What our service counts itself: decisions, those made without fresh features, and how long each step took."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

_LINE = re.compile(r"(?P<name>lendloop_\w+?)(?:\{(?P<labels>[^}]*)\})? (?P<value>[\d.e+-]+)")
_STEP = re.compile(r'step="(\w+)"')


@dataclass(frozen=True)
class Counted:
    """Totals since the service began; `spent` and `done` by step: seconds, and how many."""

    decisions: float
    degraded: float
    spent: Mapping[str, float]
    done: Mapping[str, float]

    @classmethod
    def read(cls, url: str) -> "Counted":
        """What the service at `url` says on its page for Prometheus."""
        found = [match for line in httpx.get(f"{url}/metrics", timeout=10).text.splitlines()
                 if (match := _LINE.fullmatch(line))]  # fmt: skip

        def total(name: str) -> float:
            return sum(float(one["value"]) for one in found if one["name"] == name)

        def by_step(name: str) -> dict[str, float]:
            lines = [one for one in found if one["name"] == name]
            return {_STEP.findall(one["labels"])[0]: float(one["value"]) for one in lines}

        steps = "lendloop_step_seconds"
        return cls(
            total("lendloop_decisions_total"), total("lendloop_degraded_total"),
            by_step(f"{steps}_sum"), by_step(f"{steps}_count"),
        )  # fmt: skip

    def __sub__(self, before: "Counted") -> "Counted":
        return Counted(
            self.decisions - before.decisions,
            self.degraded - before.degraded,
            {step: seconds - before.spent.get(step, 0) for step, seconds in self.spent.items()},
            {step: times - before.done.get(step, 0) for step, times in self.done.items()},
        )

    def steps(self) -> dict[str, float]:
        """Mean milliseconds of each step."""
        return {step: 1e3 * seconds / max(self.done[step], 1) for step, seconds in self.spent.items()}


def no_counts() -> Counted:
    """Nothing counted."""
    return Counted(0, 0, {}, {})
