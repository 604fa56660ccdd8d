"""A book of customers decided in chunks, by the code and with the bits of the online answer; pure.

Nobody asks for anything in a book: an approval is of the limit. Nothing is looked up but what the caller gives.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from features.newest import event_of
from serving.applications import Applications, Context
from serving.columns import decision_columns
from serving.decide import DAY, Decider, FeatureRows, decide, target
from serving.desk import PURPOSE_OF, Kind
from serving.permitted import Consents
from serving.scoring import Column, Flags, LoadedModel, check_inputs, raw_log_odds
from training.inputs import Inputs
from training.score import Floats, probability


def book_rows(frame: pl.DataFrame, model: LoadedModel, at: datetime) -> FeatureRows:
    """The rows of `features.newest` as a model reads them, aged at `at`."""
    values: dict[str, Column] = {
        column.name: frame[column.name].to_numpy() if column.dtype == "float" else frame[column.name].to_list()
        for column in model.columns
    }
    ages = {view: _age(frame[event_of(view)], at) for view in model.views}
    return FeatureRows(frame.height, values, ages)


def book_context(
    rows: FeatureRows, at: datetime, kind: Kind, paused: bool, consents: Sequence[Consents] = ()
) -> tuple[FeatureRows, Context]:
    """What is known of each row besides features; those of whoever did not consent to their use are not used.

    `consents`: of each row, the last word about each purpose that the policy asks about; none where it asks none.
    """
    held = np.full(rows.rows, paused)
    days, refused = [at.date()] * rows.rows, [False] * rows.rows
    if not consents:
        return rows, Context(held, business_date=days, automation_refused=refused)
    mine = [one.get(PURPOSE_OF[kind], "unknown") for one in consents]
    consented = [None if state == "unknown" else state == "granted" for state in mine]
    context = Context(held, days, consented=consented, automation_refused=refused, consents=consents)
    if not any(PURPOSE_OF[kind] in one for one in consents):
        return rows, context
    may = np.array([state == "granted" for state in mine])
    values = {name: _where(may, column) for name, column in rows.values.items()}
    ages = {view: np.where(may, age, np.nan) for view, age in rows.ages.items()}
    return FeatureRows(rows.rows, values, ages), context


def decide_book(release: Decider, kind: Kind, rows: FeatureRows, context: Context, key: str, entities: Any) -> pa.Table:
    """The whole decision on each row, with its reasons."""
    if kind == "propensity":
        return decision_columns(target(release, rows, context), key, entities)
    asked = Applications(np.full(rows.rows, np.nan))
    return decision_columns(decide(release, asked, rows, context), key, entities)


def score_book(release: Decider, kind: Kind, rows: FeatureRows, key: str, entities: Any) -> pa.Table:
    """The calibrated probability of each row, and its score; null where an input is missing that must be there.

    By CatBoost's own sum, which differs from that of the contributions in the last bits.
    """
    model = model_of(release, kind)
    checked = check_inputs(model.columns, rows.values, rows.rows)
    log_odds = log_odds_alone(model, checked.inputs)
    unusable = ((checked.missing & model.required) | checked.invalid).any(axis=1)
    columns = {key: entities, "probability": pa.array(probability(log_odds), mask=unusable)}
    if (risk := release.policy.risk) is not None and kind == "decision":
        columns["score"] = pa.array(risk.scale.score(log_odds), mask=unusable)
    return pa.table(columns)


def log_odds_alone(model: LoadedModel, inputs: Inputs) -> Floats:
    """The calibrated log-odds of each row, without contributions."""
    return model.calibration.log_odds(raw_log_odds(model.booster, inputs))


def model_of(release: Decider, kind: Kind) -> LoadedModel:
    """The model that decides this kind."""
    section = release.policy.propensity if kind == "propensity" else release.policy.risk
    assert section is not None, "the caller knows what the policy decides"
    return release.models[section.model]


def _where(may: Flags, column: Column) -> Column:
    if isinstance(column, np.ndarray):
        return np.where(may, column, np.nan)
    return [value if allowed else None for value, allowed in zip(column, may, strict=True)]


def _age(events: pl.Series, at: datetime) -> Floats:
    # As `online_rows` computes it; null, no row, becomes NaN.
    seconds = events.dt.epoch("us").cast(pl.Float64).to_numpy() / 1e6
    return np.asarray((at.timestamp() - seconds) / DAY)
