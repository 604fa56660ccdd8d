"""What is wrong with the features that decisions are made on, and the reason that each kind of it is told as."""

from dataclasses import dataclass, field

from serving.reasons import FEATURES_INVALID, FEATURES_LATE, FEATURES_MISSING, FEATURES_STALE
from serving.scoring import Flags


@dataclass(frozen=True)
class Problems:
    """What is wrong with features: `late` by row, `missing` and `invalid` by input, `stale` and `future` by view."""

    inputs: tuple[str, ...]
    views: tuple[str, ...]
    late: Flags
    missing: Flags
    invalid: Flags
    stale: Flags
    future: Flags
    unscored: Flags = field(init=False)
    """Rows too incomplete to be given a score."""
    any: Flags = field(init=False)
    """Rows with whatever problem."""

    def __post_init__(self) -> None:
        unusable = (self.missing | self.invalid).any(axis=1)
        # Found at once: a property that is cached takes a lock, and every decision looks at both.
        object.__setattr__(self, "unscored", self.late | unusable)
        object.__setattr__(self, "any", self.unscored | (self.stale | self.future).any(axis=1))

    def kinds(self) -> dict[str, tuple[tuple[str, ...], Flags]]:
        """By kind what it may be about, and the flags of each row (rows x what it may be about)."""
        missing = self.missing & ~self.late[:, None]
        return {
            "late": (("all",), self.late[:, None]),
            "missing": (self.inputs, missing),
            "invalid": (self.inputs, self.invalid),
            "stale": (self.views, self.stale),
            "future": (self.views, self.future),
        }

    def of(self, row: int) -> dict[str, tuple[str, ...]]:
        """The problems of one row: kind → the inputs or views it is about."""
        if not self.any[row]:
            return {}
        return {
            kind: tuple(name for name, flag in zip(names, flags[row], strict=True) if flag)
            for kind, (names, flags) in self.kinds().items()
            if flags[row].any()
        }


PROBLEM_REASONS = {
    "late": FEATURES_LATE,
    "missing": FEATURES_MISSING,
    "invalid": FEATURES_INVALID,
    "stale": FEATURES_STALE,
    "future": FEATURES_INVALID,
}
"""The reason that each kind of problem is told as."""
