"""Releases to move about, what a kill is, and how to look at what a registry holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from training.registry import Registry
from training.registry.store import MlflowStore

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
Open = Callable[[], Registry]


def release(registry: Registry, portfolio: str, sha: str, folder: Path, day: int = 1) -> None:
    place = folder / sha
    (place / "models" / "risk").mkdir(parents=True, exist_ok=True)
    (place / "manifest.json").write_text(sha, encoding="utf-8")
    (place / "models" / "risk" / "model.cbm").write_bytes(b"\x00trees")
    registry.log_release(
        portfolio,
        place,
        sha,
        as_of=date(2024, 6, day),
        gates={"allowed": True, "note": "ä" * 9000},
        runs={"risk": "r1"},
    )


def champion(registry: Registry, portfolio: str) -> str:
    found = registry.champion(portfolio)
    return found.sha[0] if found else ""


def pointed(registry: Registry) -> str:
    """What MLflow's own alias says."""
    return str(client(registry).get_model_version_by_alias("cards.release", "champion").tags["lendloop.sha"])


def client(registry: Registry) -> Any:
    """MLflow's own client of the same store."""
    return registry._store._client


class Killed(BaseException):
    """What a kill -9 is to the code it interrupts."""


@contextmanager
def killed_at(method: str) -> Iterator[None]:
    """The process dies when it comes to this method of the store."""

    def kill(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MlflowStore, method, kill)
        yield
