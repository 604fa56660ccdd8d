"""Champion and candidate on equal terms: the rows that neither of them has learned from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from features.calendar import cutoff
from features.spec import EVENT
from serving.decide import frame_rows
from serving.gates import Contest
from serving.release import LoadedRelease
from serving.scoring import LoadedModel, Scored, check_inputs
from training.boosted import Boosted
from training.labels import KNOWN, LABEL
from training.score import log_odds

PROBABILITY = "probability"
SAME = 1e-6
"""Log-odds within which two predictions are one: more than what float32 inputs and the order of a sum leave."""
LEAST = 3  # two points are always on one line
ONE = "the tested model is the champion's own"
RIVAL = "champions_probability"


@dataclass(frozen=True)
class Champion:
    """The release to beat and, by model, the rows it was itself tested on with the predictions of that test.

    Those predictions are of the model that was validated, which had not learned from them: the released one has.
    """

    release: LoadedRelease
    held_out: Mapping[str, pl.DataFrame]
    validated: Mapping[str, Boosted] = field(default_factory=dict)
    """The models of that test: each learned from one step less of the past than the released one."""


def rival_of(name: str, held_out: pl.DataFrame, champion: Champion | None, contest: Contest | None) -> Contest | None:
    """The comparison by which a candidate may be told worse: `contest`, unless champion and tested model are one.

    Nothing but time lies between the releases of a portfolio whose `models.yaml` stays: the candidate is tested by the
    model of the past up to its held-out rows, which is the champion. It loses nothing to itself, whatever it learned
    last. What can be told is whether it lost to the model before it: whether the last thing learned did harm.
    """
    if champion is None or contest is None or not _is_one(contest):
        return contest
    before = champion.validated.get(name)
    if before is None or {column.name for column in before.columns} - set(held_out.columns):
        return replace(contest, basis=f"{contest.basis}; {ONE}, and the one before is not known")
    rows = _unknown_to(champion, held_out)
    if rows[LABEL].n_unique() < 2:
        # Nothing was learned since the champion that could be tested: the same rows, tested by the same model.
        return replace(contest, basis=f"{contest.basis}; {ONE}, and no newer rows tell it from the one before")
    basis = f"{rows.height} rows that neither had learned from; {ONE}, so it meets the one before it"
    return Contest(rows[LABEL].to_numpy(), rows[PROBABILITY].to_numpy(), before.log_odds(rows), basis)


def _is_one(contest: Contest) -> bool:
    """Whether the log-odds of one are an affine function of the other's: calibration apart, they are one model."""
    if len(contest.labels) < LEAST:
        return False
    ours, theirs = log_odds(contest.candidate), log_odds(contest.champion)
    spread = theirs - theirs.mean()
    if not spread.any():
        return not (ours - ours.mean()).any()
    slope = float(spread @ ours / (spread @ spread))
    return bool(np.abs(ours - ours.mean() - slope * spread).max() < SAME)


def contest_of(name: str, held_out: pl.DataFrame, champion: Champion | None) -> Contest | None:
    """The comparison on the candidate's held-out rows that rests on most of them; None without such a champion model.

    Two are fair: rows whose label became known after the champion was trained, as the champion scores them; and rows
    that both were tested on, each by its own model of the past, which is what a release made twice for one date has.
    """
    model = champion.release.models.get(name) if champion else None
    if champion is None or model is None:
        return None
    found = [each for each in _fair(name, model, held_out, champion) if len(np.unique(each.labels)) > 1]
    if found:
        return max(found, key=lambda each: len(each.labels))
    nothing = np.empty(0)
    return Contest(nothing.astype(np.int8), nothing, nothing, _why_not(model, held_out, champion))


def score(model: LoadedModel, frame: pl.DataFrame) -> Scored:
    """The rows of `frame` as the service would score them."""
    rows = frame_rows(frame, model.columns)
    return model.score(check_inputs(model.columns, rows.values, rows.rows).inputs)


def _fair(name: str, model: LoadedModel, held_out: pl.DataFrame, champion: Champion) -> Iterator[Contest]:
    fresh = _unknown_to(champion, held_out)
    if not fresh.is_empty() and not _gone(model, held_out):
        rivals = fresh.with_columns(pl.Series(RIVAL, score(model, fresh).probability))
        yield _contest(rivals, f"{fresh.height} rows whose label the champion did not know")
    if name in champion.held_out:
        key = held_out.columns[0]
        theirs = champion.held_out[name].select(key, EVENT, pl.col(PROBABILITY).alias(RIVAL))
        shared = held_out.join(theirs, on=[key, EVENT], how="inner", maintain_order="left")
        yield _contest(shared, f"{shared.height} rows that both were tested on, each by a model of its past")


def _unknown_to(champion: Champion, held_out: pl.DataFrame) -> pl.DataFrame:
    return held_out.filter(pl.col(KNOWN) >= cutoff(champion.release.manifest.as_of))


def _contest(rows: pl.DataFrame, basis: str) -> Contest:
    return Contest(rows[LABEL].to_numpy(), rows[PROBABILITY].to_numpy(), rows[RIVAL].to_numpy(), basis)


def _gone(model: LoadedModel, frame: pl.DataFrame) -> list[str]:
    return sorted({column.name for column in model.columns} - set(frame.columns))


def _why_not(model: LoadedModel, held_out: pl.DataFrame, champion: Champion) -> str:
    as_of = champion.release.manifest.as_of
    reads = f"the champion of {as_of} reads {_gone(model, held_out)}, which there no longer is"
    knew = f"the champion of {as_of} knew the labels of these {held_out.height} held-out rows"
    reason = reads if _gone(model, held_out) else knew
    return f"{reason}, and the two were tested on no two classes of common rows; retrain as of {as_of} to compare"
