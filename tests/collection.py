"""Collecting quickly: every worker of `make test` imports every test file, and what those import.

Measured for one worker on a busy machine: 31 to 35 CPU seconds before, 15 to 18 with what is here and with bytecode
kept (see `tests.__main__`).
"""

import gc
from typing import Any

import typeguard


def _unchecked(target: Any = None, **_: Any) -> Any:
    return target if target is not None else _unchecked


# As `features.store` does, for tests and benchmarks that import Feast before it: its marks cost 3 CPU seconds.
typeguard.typechecked = _unchecked
# What is imported stays: nothing is gained by looking through it for garbage. How much this saves is not settled:
# a quarter in two pairs of runs, nothing in three others.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for in what the tests make, not in what was imported."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let the end of the process find it all, as without this."""
    gc.unfreeze()
    gc.enable()
