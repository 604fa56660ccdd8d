"""Other processes that work for a feature store: they join ranges of observations and write ranges of customers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import polars as pl

from features.customers import Customers, Each
from features.lake import Lake
from features.portfolio import Portfolio
from features.store.columnar.writers import opened
from features.store.configuration import configure
from features.store.definitions import define_store
from features.store.failures import OnlineStoreError, told
from features.store.rows import write_rows
from features.store.slices import Slice

ROWS = 100_000
"""Rows that are written at once: some hundred MiB on the way."""
SAMPLE = 10
"""Rows of each part that are read back."""
NOWHERE = "postgresql://nowhere/registry"
"""The registry of one who only writes rows: it is never opened."""


@dataclass(frozen=True)
class Workers:
    """Who does the work, and what each of them finds out for itself.

    `online` is asked in the worker for the URL of the online store: it may hold a password, which does not travel.
    """

    each: Each
    online: Callable[[], str]
    observations: int = 250_000
    """Observations that one joins at once."""
    rows: int = ROWS
    """Rows that one writes at once."""


@dataclass(frozen=True)
class Written:
    """What a part came to: its rows, how many of them the store has taken, and some to be read back."""

    rows: int
    taken: int
    sample: pl.DataFrame


def sample_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Some rows, from all over."""
    return rows.gather_every(max(1, rows.height // SAMPLE)).head(SAMPLE)


def place_of(url: str) -> str:
    """Which store a URL names, without who may use it."""
    found = urlsplit(url)
    port = "" if found.port is None else f":{found.port}"
    return f"{found.scheme}://{found.hostname or ''}{port}{found.path}"


@dataclass(frozen=True)
class PartWriter:
    """Writes the customers of a slice that it is called with, in whatever process; twice is the same as once."""

    portfolio: Portfolio
    lake: Lake
    view: str
    part: Slice
    retired: Sequence[str]
    online: Callable[[], str]
    place: str
    """`place_of` the store that is to be written; a worker whose own settings name another one writes nothing."""

    def __call__(self, customers: Customers) -> Written:
        """Write these."""
        url = self.online()
        if (here := place_of(url)) != self.place:
            raise OnlineStoreError(
                f"a worker's settings name the online store {here}, not {self.place}; give it the same "
                "LENDLOOP_ONLINE_STORE as the process that asks for work"
            )
        config = configure(self.portfolio.name, NOWHERE, url)
        view = define_store(self.portfolio, self.lake).views[self.view]
        rows = self.part.of(customers)
        with told(self.portfolio.name), opened(config) as store:
            taken = write_rows(store, config, view, rows, self.retired)
        return Written(rows.height, taken, sample_of(rows))
