"""What is installed, configured, reachable and left on this machine, and what to do about each fault."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from pathlib import Path

from pydantic import ValidationError

from flows.reachable import Finding, Status, answers, listens, look_at, masked
from flows.standing import standing
from infra.settings import Settings

DISTRIBUTION = "lendloop"
GIB = 2**30
DISK = (0.5, 5.0)
"""GiB of free disk under which a run fails, and under which it may: a demo writes about one."""
MEMORY = (1.0, 4.0)
"""GiB of free memory, likewise: a demo stays under four."""
SET_UP = "run `make setup`"


GIVEN = {"openid_secret", "vendor_keys"}
"""Secrets that somebody else gives; the others are made when they are not set."""


def examine(settings: Settings) -> list[Finding]:
    """Every finding, in the order in which a person would look."""
    looks: list[Callable[[], Iterable[Finding]]] = [
        installed,
        lambda: machine(settings),
        *(partial(store, settings, what) for what in STORES),
        lambda: [prefect_server(settings)],
        lambda: [decision_service(settings)],
        lambda: portfolios(settings),
    ]
    # Side by side: servers that do not answer cost their time-out once, not once each.
    with ThreadPoolExecutor(len(looks)) as pool:
        findings = [finding for found in pool.map(lambda look: list(look()), looks) for finding in found]
    # These import MLflow and Feast, which threads must not do side by side.
    return [*findings, *standing(settings)]


def configured(settings: Settings) -> list[tuple[str, str]]:
    """Every setting with its value; secrets and passwords masked."""
    lines = []
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            made = "(not set)" if name in GIVEN else "(made and kept in home)"
            shown = "*** (set)" if value.get_secret_value() else made
        else:
            shown = masked(str(value)) if "://" in str(value) else str(value)
        lines.append((f"LENDLOOP_{name.upper()}", shown or "(embedded)"))
    return lines


def misset(error: ValidationError) -> list[str]:
    """Each setting that cannot be read: variable, what is wrong, what was found."""
    return [
        f"LENDLOOP_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}; found {one['input']!r}; correct or unset it"
        for one in error.errors(include_url=False)
    ]


def installed() -> Iterator[Finding]:
    """Python and every package against what pyproject.toml pins."""
    version = ".".join(map(str, sys.version_info[:3]))
    old = sys.version_info < (3, 11)
    yield Finding("fail" if old else "ok", "python", version, "use Python 3.11 or newer" if old else "")
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Finding("fail", "packages", "lendloop itself is not installed", SET_UP)
        return
    faults = [fault for line in required if (fault := _package(line)) is not None]
    yield from faults
    if not faults:
        yield Finding("ok", "packages", f"{len(required)} as pyproject.toml has them")


def _package(line: str) -> Finding | None:
    from packaging.requirements import Requirement

    wanted = Requirement(line)
    optional = "extra" in str(wanted.marker or "")
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": "dev"}):
        return None
    missing: Status = "warn" if optional else "fail"
    try:
        found = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        why = "for tests only" if optional else f"expected {wanted.specifier or 'any version'}"
        return Finding(missing, wanted.name, f"not installed; {why}", SET_UP)
    if wanted.specifier.contains(found, prereleases=True):
        return None
    return Finding(missing, wanted.name, f"{found}; expected {wanted.specifier}", SET_UP)


def machine(settings: Settings) -> Iterator[Finding]:
    """Folder, disk and memory."""
    root = settings.root()
    there = next(path for path in (root, *root.parents) if path.exists())
    writable = there.is_dir() and os.access(there, os.W_OK)
    remedy = "" if writable else "make it writable, or set LENDLOOP_HOME to another folder"
    yield Finding("ok" if writable else "fail", "home", f"{root}{'' if writable else ' cannot be written'}", remedy)
    wanted_disk, wanted_memory = "free some, or move LENDLOOP_HOME", "end other programs"
    disk = shutil.disk_usage(there).free / GIB
    yield Finding(_level(disk, DISK), "free disk", f"{disk:,.1f} GiB", _want(disk, DISK, wanted_disk))
    memory = free_memory()
    if memory is not None:
        remedy = _want(memory, MEMORY, wanted_memory)
        yield Finding(_level(memory, MEMORY), "free memory", f"{memory:,.1f} GiB", remedy)


def free_memory(root: Path = Path("/")) -> float | None:
    """GiB that a new process may take: of the machine, or of the container's share when that is less."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    group = root / "sys/fs/cgroup"
    try:
        left = int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    except (OSError, ValueError):
        left = free
    return min(free, left) / GIB


STORES: dict[str, tuple[str, str]] = {
    "feature registry": ("feature_registry_url", "LENDLOOP_FEATURE_REGISTRY"),
    "online store": ("online_store_url", "LENDLOOP_ONLINE_STORE"),
    "MLflow": ("mlflow_url", "LENDLOOP_MLFLOW_URI"),
    "decision log": ("decision_log_url", "LENDLOOP_DECISION_LOG"),
    "metrics": ("metrics_url", "LENDLOOP_METRICS"),
}


def store(settings: Settings, what: str) -> Iterator[Finding]:
    """Whether one of the stores answers."""
    attribute, variable = STORES[what]
    yield look_at(what, str(getattr(settings, attribute)), variable)


def prefect_server(settings: Settings) -> Finding:
    """Whether the Prefect server in the settings answers; without one each run has its own."""
    if not settings.prefect_api:
        return Finding("ok", "Prefect", "no server set: each run starts its own")
    return look_at("Prefect", settings.prefect_api, "LENDLOOP_PREFECT_API")


def decision_service(settings: Settings) -> Finding:
    """Whether the decision service answers, or its port is free for it."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "") else settings.host
    where = f"{host}:{settings.port}"
    if not listens(host, settings.port):
        return Finding("ok", "decision service", f"not running; {where} is free for `lendloop serve`")
    if not answers(f"http://{where}/livez"):
        remedy = "stop that program, or set LENDLOOP_PORT to a free port"
        return Finding("fail", "decision service", f"{where} is taken by another program", remedy)
    if not answers(f"http://{where}/readyz"):
        remedy = f"see http://{where}/readyz; usually no release is promoted yet, or features are stale"
        return Finding("warn", "decision service", f"{where}: runs, but is not ready", remedy)
    return Finding("ok", "decision service", f"{where}: ready")


def portfolios(settings: Settings) -> Iterator[Finding]:
    """The documents of every portfolio; the tables behind them take longer and have their own command."""
    from features.portfolio import list_portfolios
    from flows.onboarding.check import check_documents

    names = list_portfolios(settings.portfolios)
    if not names:
        remedy = (
            "make one with `lendloop portfolio new NAME --from FILE --time COLUMN --label COLUMN`, "
            "or set LENDLOOP_PORTFOLIOS"
        )
        yield Finding("warn", "portfolios", f"none in {settings.portfolios}", remedy)
    for name in names:
        faults = check_documents(settings.portfolios, name)
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            yield Finding("fail", f"portfolio {name}", f"{faults[0]}{more}", f"run `lendloop portfolio check {name}`")
        else:
            yield Finding("ok", f"portfolio {name}", "its four files fit together")


def _level(found: float, limits: tuple[float, float]) -> Status:
    return "fail" if found < limits[0] else "warn" if found < limits[1] else "ok"


def _want(found: float, limits: tuple[float, float], remedy: str) -> str:
    return f"{remedy}: expected {limits[1]:g} GiB or more" if found < limits[1] else ""
