"""`lendloop incumbent compare`: the champion on the applications an incumbent decided, at the times it decided them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from features.calendar import cutoff
from features.permitted import FeatureColumn
from features.spec import EVENT
from flows.deciding import given_time
from flows.hints import month_command
from flows.month_inputs import known_labels
from flows.moving import protected_groups
from flows.observed import observations
from flows.policies import show
from flows.terminal import console, errors
from flows.workspace import Workspace, open_workspace
from serving.applications import Applications, Context
from serving.decide import FeatureRows, decide, frame_rows, target
from serving.decisions import Decisions
from serving.incumbent import REQUESTED, IncumbentError, read_decisions
from serving.policy import SIGNALS, Policy
from serving.release import LoadedRelease, load_release
from training.labels import KNOWN, LABEL

CHAMPION = "champion_probability"
LEARNED = "learned"


@dataclass(frozen=True)
class Both:
    """Every decision of the period, of the incumbent and of the champion.

    `rows`: key, event_timestamp, what the incumbent logged, `before` and `after` (outcomes), `champion_probability`
    (NaN: not scored), `label` (null: not known yet, or learned) and `learned`: the label was known when the release was
    made, so that it may have learned from it and says nothing about how good it is.
    """

    workspace: Workspace
    release: LoadedRelease
    model: str
    made: Decisions
    rows: pl.DataFrame
    groups: pl.DataFrame | None
    as_of: date

    @property
    def is_risk(self) -> bool:
        """Whether the event is to be avoided."""
        return self.made.kind == "risk"

    def moves(self) -> pl.DataFrame:
        """The decisions as a frame of moves."""
        return moves_of(self.rows, self.workspace.key)


def compare_incumbent(portfolio: str, since: str, until: str, out: Path | None, as_of: str, release: str) -> None:
    """Print who moves and who was right, and leave report, facts and picture in a folder."""
    from flows.parallel_view import write_report

    workspace = open_workspace(portfolio)
    period = _period(workspace, since, until)
    with errors.status("deciding again"):
        both = decide_both(workspace, period, given_time(as_of, "--as-of").date(), release)
        folder = out or workspace.settings.reports / portfolio / "incumbent"
        text = write_report(both, folder)
    show(text)
    console.print(f"report, facts and picture: {folder}", highlight=False, soft_wrap=True)


def decide_both(workspace: Workspace, period: pl.DataFrame, as_of: date, sha: str = "") -> Both:
    """The decisions of release `sha` (the champion) beside the incumbent's, with the labels known at `as_of`."""
    registry = workspace.registry
    champion = registry.release(workspace.name, sha) if sha else registry.champion(workspace.name)
    if champion is None:
        raise IncumbentError(f"{workspace.name} has no champion yet; {month_command(workspace.name)} makes one")
    release = load_release(workspace.release_folder(champion.sha))
    name = release.policy.models[0]
    made = decide_period(workspace, release, name, period)
    rows = _labelled(workspace, release, name, period, as_of).with_columns(
        pl.col("outcome").alias("before"),
        pl.Series("after", made.outcome.astype(str)),
        pl.Series(CHAMPION, made.probability),
    )
    groups = protected_groups(workspace, name, moves_of(rows, workspace.key))
    return Both(workspace, release, name, made, rows, groups, as_of)


def decide_period(workspace: Workspace, release: LoadedRelease, name: str, period: pl.DataFrame) -> Decisions:
    """What the release decides about each application, from the features that were known at its time."""
    model, key = release.models[name], workspace.key
    service = workspace.models.models[name].service
    last = period[EVENT].dt.date().max()
    assert isinstance(last, date)  # a period has rows
    _refuse_behind(workspace, list(model.views), last)
    known = workspace.store.training_set(period.select(key, EVENT), [service], known_by=last)
    if gone := sorted({column.name for column in model.columns} - set(known.columns)):
        raise IncumbentError(f"the champion reads {gone}, which service {service!r} has no more; release anew first")
    features = _aged(known, model.columns)
    context = clear_context(release.policy, period)
    if model.kind == "propensity":
        return target(release, features, context)
    return decide(release, _applications(period), features, context)


def _refuse_behind(workspace: Workspace, views: list[str], last: date) -> None:
    """Refuse when what was known at the last decision is not all built: the champion would seem not to know it."""
    for view in views:
        built = max((part.covers for part in workspace.lake.partitions(workspace.name, "features", view)), default=None)
        if built is None or built < last:
            raise IncumbentError(
                f"{workspace.name}: the features of view {view!r} are built up to {built}, and the last decision is of "
                f"{last}; run ingest and materialize --as-of {last} first, or name an earlier --until"
            )


def clear_context(policy: Policy, period: pl.DataFrame) -> Context:
    """Circumstances in which nothing speaks against anybody: what the incumbent looked up, its file does not say."""
    rows, risk = period.height, policy.risk
    days = period[EVENT].dt.date().to_list()
    if risk is None:
        return Context(paused=np.zeros(rows, dtype=bool), business_date=days)
    return Context(
        paused=np.zeros(rows, dtype=bool),
        business_date=days,
        lists=[frozenset[str]()] * rows,
        signals=[dict.fromkeys(SIGNALS, "passed")] * rows,  # rules may look at others than are required
        used=[{quota.id: 0.0 for quota in risk.quotas}] * rows,
        consented=[True] * rows,
        automation_refused=[False] * rows,
    )


def moves_of(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    """`rows` as `serving.movement` takes them: entities as text, numbered decisions."""
    return rows.with_row_index("_number").select(
        pl.col("_number").cast(pl.String).alias("decision_id"),
        pl.col(key).cast(pl.String).alias("entity_id"),
        "amount",
        "before",
        "after",
        pl.col(EVENT).alias("decided_at"),
    )


def _period(workspace: Workspace, since: str, until: str) -> pl.DataFrame:
    known = read_decisions(workspace.lake, workspace.name)
    start = given_time(since, "--since") if since else datetime(1, 1, 1, tzinfo=UTC)
    rows = (
        None
        if known is None
        else known.filter(pl.col(EVENT).is_between(start, given_time(until, "--until"), closed="left"))
    )
    if rows is None or rows.is_empty():
        found = f"{known.height:,} decisions outside of that time" if known is not None else "none at all"
        raise IncumbentError(
            f"{workspace.name}: no incumbent's decision in the period, {found}; lendloop incumbent import brings some"
        )
    return rows.sort(EVENT, workspace.key)


def _aged(known: pl.DataFrame, columns: tuple[FeatureColumn, ...]) -> FeatureRows:
    """The features of each row at its own time; a view of which nothing fresh was known then has no age."""
    found = frame_rows(known, columns)
    ages = {}
    for view in found.ages:
        names = [column.name for column in columns if column.view == view]
        nothing = known.select(pl.all_horizontal(pl.col(names).is_null())).to_series().to_numpy()
        ages[view] = np.where(nothing, np.nan, found.ages[view])
    return FeatureRows(found.rows, found.values, ages)


def _applications(period: pl.DataFrame) -> Applications:
    """What was asked for, as far as the incumbent's file says it."""
    numbers = {name: period[name].to_numpy() for name in REQUESTED if period[name].null_count() < period.height}
    amount = numbers.pop("amount", np.full(period.height, np.nan))
    purpose = period["purpose"].to_list() if period["purpose"].null_count() < period.height else None
    return Applications(amount=amount, purpose=purpose, **numbers)


def _labelled(
    workspace: Workspace, release: LoadedRelease, name: str, period: pl.DataFrame, as_of: date
) -> pl.DataFrame:
    """The label of the newest observation that was no older at the decision than features may be."""
    spec, key = workspace.models.models[name], workspace.key
    oldest = min(release.models[name].views.values())
    seen = observations(workspace, spec.observations, as_of).unique().sort(EVENT)
    learned = pl.col(KNOWN) < cutoff(release.manifest.as_of)
    known = known_labels(workspace, spec, as_of).select(
        key,
        pl.col(EVENT).alias("_observed"),
        pl.when(~learned).then(pl.col(LABEL)).alias(LABEL),
        learned.alias(LEARNED),
    )
    nearest = period.sort(EVENT, key).join_asof(
        seen.with_columns(pl.col(EVENT).alias("_observed")),
        on=EVENT, by=key, strategy="backward", tolerance=f"{oldest}d", check_sortedness=False,
    )  # fmt: skip
    joined = nearest.join(known, on=[key, "_observed"], how="left", maintain_order="left").drop("_observed")
    return joined.with_columns(pl.col(LEARNED).fill_null(False))
