"""Money that processes move today, kept until the money process writes it as transactions."""

from dataclasses import dataclass, field

import numpy as np

from simulation.columns import Array, Frame


@dataclass
class Postings:
    """A day's postings; cents into the account, or out of it where negative."""

    _parts: list[Frame] = field(default_factory=list)

    def post(
        self,
        rows: Array,
        cents: Array,
        *,
        kind: int,
        party: int,
        party_id: Array,
        seconds: Array,
        way: int,
        mcc: Array | int = 0,
    ) -> None:
        """Move money on the accounts of the people at `rows`; codes are those of `schema.money`."""
        if len(rows) == 0:
            return
        each = {"kind": kind, "party": party, "way": way}
        codes = {name: np.full(len(rows), code, dtype=np.uint8) for name, code in each.items()}
        self._parts.append({
            "row": rows, "cents": cents.astype(np.int64), "party_id": party_id.astype(np.int64),
            "seconds": seconds.astype(np.int64), "mcc": np.full(len(rows), mcc, dtype=np.uint16), **codes,
        })  # fmt: skip

    def taken(self) -> list[Frame]:
        """The postings so far; none are left behind."""
        parts, self._parts = self._parts, []
        return parts
