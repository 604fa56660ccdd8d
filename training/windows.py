"""Months of labels: what could be learned from at a time, and which trailing window past months speak for."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.documents import Document
from features.spec import EVENT
from training.inputs import Rows
from training.labels import KNOWN, LABEL, WHOLE
from training.score import Floats, Labels, log_loss, probability
from training.spec import ModelSpec


class JudgedWindow(Document):
    """A candidate window on one past month: how far its model's probabilities were from what happened."""

    window: int
    month: str
    rows: int
    log_loss: float


class WindowChoice(Document):
    """The trailing window taken, every judgement it rests on, and the reason in words."""

    months: int
    judged: tuple[JudgedWindow, ...]
    why: str


def months_of(frame: pl.DataFrame) -> NDArray[np.int64]:
    """Each observation's month as a running number (12 x year + month - 1)."""
    return (
        frame.select(pl.col(EVENT).dt.year().cast(pl.Int64) * 12 + pl.col(EVENT).dt.month() - 1).to_series().to_numpy()
    )


def month_name(month: int) -> str:
    """`YYYY-MM` of a running month number."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def trailing(months: NDArray[np.int64], window: int, among: Rows) -> Rows:
    """The rows of `among` in the last `window` calendar months that have any."""
    rows: Rows = among & (months > months[among].max(initial=0) - window)
    return rows


def known_before(frame: pl.DataFrame, months: NDArray[np.int64], month: int) -> Rows:
    """Rows of earlier months whose label was known by the first observation of `month`: what a model could learn."""
    first = frame[EVENT].filter(pl.Series(months == month)).min()
    rows: Rows = (frame[KNOWN] <= first).to_numpy() & (months < month)
    return rows


def held_out_months(frame: pl.DataFrame, spec: ModelSpec) -> list[int]:
    """The last months, oldest first, that can be judged: enough rows of both classes, in it and before it.

    Whole ones, as the labels known first need not be like the rest of their month; partly labelled ones only when
    there is no whole one.
    """
    months, labels = months_of(frame), frame[LABEL].to_numpy()
    least = spec.validation.least_rows

    def can_be_judged(month: int) -> bool:
        before = trailing(months, max(spec.windows), known_before(frame, months, month))
        return all(rows.sum() >= least and 0 < labels[rows].sum() < rows.sum() for rows in (months == month, before))

    found = [month for month in sorted(set(months.tolist())) if can_be_judged(month)]
    waiting = set(months[~frame[WHOLE].to_numpy()].tolist())
    whole = [month for month in found if month not in waiting]
    return (whole or found)[-spec.validation.months :]


def is_whole(frame: pl.DataFrame, month: int) -> bool:
    """Whether every label of `month` is known that can be expected."""
    return bool(frame[WHOLE].filter(pl.Series(months_of(frame) == month)).all())


def judge(window: int, month: int, labels: Labels, raw: Floats) -> JudgedWindow:
    """The judgement of one candidate on one month it has not seen."""
    loss = float(log_loss(labels, probability(raw)).mean())
    return JudgedWindow(window=window, month=month_name(month), rows=len(labels), log_loss=loss)


def choose_window(candidates: Sequence[int], judged: Sequence[JudgedWindow]) -> WindowChoice:
    """The candidate with the least mean log loss over the judged months; without any, the longest."""
    means = _means(judged)
    if len(candidates) == 1 or not means:
        reason = "it is the only candidate" if len(candidates) == 1 else "no past month could be held out; the longest"
        return WindowChoice(months=max(candidates), judged=tuple(judged), why=reason)
    best = min(means, key=lambda window: (means[window], window))
    rest = ", ".join(f"{window}: {loss:.4f}" for window, loss in sorted(means.items()))
    past = sorted({item.month for item in judged})
    why = f"least mean log loss on {past[0]} to {past[-1]} ({rest})"
    return WindowChoice(months=best, judged=tuple(judged), why=why)


def _means(judged: Sequence[JudgedWindow]) -> Mapping[int, float]:
    """Each candidate's mean over the months, every month counting the same."""
    by_window: dict[int, list[float]] = {}
    for item in judged:
        by_window.setdefault(item.window, []).append(item.log_loss)
    return {window: float(np.mean(losses)) for window, losses in by_window.items()}
