"""On what a figure was measured: without it no two of them can be compared."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("catboost", "duckdb", "feast", "numpy", "polars", "pyarrow")


def describe() -> dict[str, object]:
    """Cores, processor, memory, load before, versions and the day."""
    processor = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")]
    return {
        "cores": os.cpu_count(),
        "processor": processor[0] if processor else platform.machine(),
        "memory_gib": round(memory[0] / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        **moment(),
    }


def moment() -> dict[str, object]:
    """The day, and how busy the machine is: asked before anything is measured, it is the load of others."""
    return {"load_before": round(os.getloadavg()[0], 2), "date": f"{datetime.now(UTC):%Y-%m-%d}"}


def available_gib() -> float:
    """Memory that a process could still have; endless where the system does not say."""
    found = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemAvailable")]
    return found[0] / 2**20 if found else float("inf")


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
