"""Decisions with what another release would have decided: the champion's and the challenger's word on the same ones."""

from dataclasses import dataclass, replace

import polars as pl

_OWN = ("release", "outcome", "probability", "score", "grade", "stale")
"""What differs between the two; all else is the same decision's."""
ANSWERED = "answered_by_challenger"
Releases = tuple[str, str]


@dataclass(frozen=True)
class Pairs:
    """The same decisions, row by row, as each of both made them or would have made them.

    Both frames are as `read_decisions` gives them, with what else the decisions had. `releases` are champion and
    challenger; `left_out`: how many pairs are of other ones.
    """

    releases: Releases
    champion: pl.DataFrame
    challenger: pl.DataFrame
    left_out: int = 0

    @property
    def answered(self) -> int:
        """How many the challenger itself answered."""
        return int(self.champion[ANSWERED].sum())

    def only(self, decision_ids: pl.Series) -> "Pairs":
        """The pairs of these decisions."""
        among = pl.col("decision_id").is_in(decision_ids.implode())
        return replace(self, champion=self.champion.filter(among), challenger=self.challenger.filter(among))

    def labelled(self, labels: pl.DataFrame) -> "Pairs":
        """The pairs whose decisions have one of `labels`: decision_id and label."""
        sides = (
            side.join(labels, on="decision_id", how="inner", maintain_order="left")
            for side in (self.champion, self.challenger)
        )
        champion, challenger = sides
        return replace(self, champion=champion, challenger=challenger)

    def __len__(self) -> int:
        return len(self.champion)


def pair(decisions: pl.DataFrame, shadow: pl.DataFrame, releases: Releases | None = None) -> Pairs | None:
    """The decisions that stand in the shadow's table too, of `releases` or else of those that most are of; None: none.

    The champion's word is the decision itself, or for a canary's customers what its shadow says; the challenger's word
    is the other one.
    """
    beside = shadow.select(
        "decision_id",
        (pl.col("role") == "champion").alias(ANSWERED),  # by the challenger: the champion was in its shadow
        *(pl.col(name).alias(f"{name}_shadow") for name in _OWN),
    )
    joined = decisions.join(beside, on="decision_id", how="inner", maintain_order="left")
    if joined.is_empty():
        return None
    champion, challenger = _side(joined, pl.col(ANSWERED)), _side(joined, ~pl.col(ANSWERED))
    both = pl.DataFrame({"a": champion["release"], "b": challenger["release"]})
    if releases is None:
        most = both.group_by("a", "b").len().sort("len", "a", "b", descending=[True, False, False])
        releases = (most["a"][0], most["b"][0])
    kept = (both["a"] == releases[0]) & (both["b"] == releases[1])
    return Pairs(releases, champion.filter(kept), challenger.filter(kept), int((~kept).sum()))


def _side(joined: pl.DataFrame, in_shadow: pl.Expr) -> pl.DataFrame:
    own = [pl.when(in_shadow).then(f"{name}_shadow").otherwise(name).alias(name) for name in _OWN]
    return joined.with_columns(own).drop(*(f"{name}_shadow" for name in _OWN))
