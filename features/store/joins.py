"""A join of many observations in ranges of their keys, by whoever works on them.

What an observation meets depends on no other one: any part of them can be joined by itself. Ranges of keys are what
makes parts cheap, since of files that are sorted by key only the groups of rows of a range are read.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.customers import Each
from features.store.asof import FeatureFiles, features_known
from features.store.reading import unreplaced

_ROW = f"{__name__}:row"
"""A name that no column of observations has."""


@dataclass(frozen=True)
class Join:
    """The features of some files beside observations, as of their column `time`."""

    sources: Sequence[FeatureFiles]
    time: str
    strict: bool

    def run(self, observations: pl.DataFrame) -> pl.DataFrame:
        """The features of all sources, in the order of the observations."""
        found = [features_known(observations, self.time, source, strict=self.strict) for source in self.sources]
        return pl.DataFrame([column for frame in found for column in frame.get_columns()])

    def run_by(self, each: Each, observations: pl.DataFrame, at_once: int) -> pl.DataFrame:
        """The same, each `at_once` observations by one of the workers; a few are joined here."""
        if each is map or observations.height <= at_once:
            return self.run(observations)
        needed = list(dict.fromkeys([*self._keys(), self.time]))
        ordered = observations.select(needed).with_row_index(_ROW).sort(needed, maintain_order=True)
        parts = list(ordered.drop(_ROW).iter_slices(at_once))
        # Each worker looks after its own reading; here it is seen that all of them read the same files.
        with unreplaced([file for source in self.sources for file in source.files]):
            found = pl.concat(each(self.run, parts), rechunk=True)
        places = np.empty(ordered.height, dtype=np.int64)
        places[ordered[_ROW].to_numpy()] = np.arange(ordered.height)
        return found.select(pl.all().gather(places))

    def _keys(self) -> list[str]:
        """Columns of keys, the one that most sources are joined by first."""
        return [name for name, _ in Counter(key for source in self.sources for key in source.keys).most_common()]
