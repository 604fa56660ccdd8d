"""The simulated lender: raw files of a small world through tables, contracts, features and training."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.build import build_features
from features.ingest import IngestReport, ingest
from features.lake import Lake
from features.permitted import ForbiddenUse, guard, select
from features.portfolio import Portfolio, PortfolioError, open_portfolio, read_tables
from features.spec import CREATED, EVENT
from features.store.asof import FeatureFiles, features_known
from simulation.schema import TRUTH
from tests.portfolios.small_world import PORTFOLIOS, simulated
from training.boosted import fit_boosted
from training.inputs import input_order
from training.labels import LABEL, labels
from training.spec import ModelSpec, Within, read_models

FEBRUARY, MARCH, LONG = date(2024, 2, 29), date(2024, 3, 31), date(2024, 8, 31)
LATE_SOON = {"kind": "within", "table": "book", "column": "worst_days_past_due", "at_least": 1, "months": 1}
KEY = "customer_id"
ACCOUNTED = {"money": ("transactions",), "access": ("logins", "devices"), "app_use": ("app_events",),
             "contacted": ("responses",)}  # fmt: skip
"""Of which raw tables' rows each summary gives account."""
PROTECTED = {"age", "sex", "ethnic_group", "region", "marital", "children", "postcode"}


@dataclass(frozen=True)
class World:
    portfolio: Portfolio
    lake: Lake
    as_of: date
    report: IngestReport | None
    raw: dict[str, pl.DataFrame]

    def table(self, name: str, as_of: date | None = None) -> pl.DataFrame:
        return self.lake.read(self.portfolio.name, "tables", name, as_of=as_of or self.as_of)


def raw_of(portfolio: Portfolio, *tables: str) -> dict[str, pl.DataFrame]:
    files = {name: sorted((portfolio.data / name).glob("day=*/*.parquet")) for name in tables}
    return {name: pl.read_parquet(found, hive_partitioning=False) for name, found in files.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    root = tmp_path_factory.mktemp("lender")
    portfolio, lake = simulated(root), Lake(root / "lake")
    tables = ("transactions", "applications", "bureau", "customers", *ACCOUNTED["access"], "app_events", "responses")
    raw = raw_of(portfolio, *tables)
    return World(portfolio, lake, MARCH, ingest(portfolio, lake, MARCH), raw)


@pytest.fixture(scope="module")
def features(world: World) -> dict[str, pl.DataFrame]:
    models = read_models(world.portfolio.folder / "models.yaml", world.portfolio.features)
    spec = world.portfolio.features
    build_features(world.portfolio, world.lake, MARCH, ["application", "behaviour", "groups"])
    views = spec.views_of(["application", "behaviour"])
    assert set(views) <= set(spec.views_of(models.services()))
    return {view: world.lake.read(world.portfolio.name, "features", view) for view in views}


def test_every_row_is_kept_or_quarantined_with_a_reason(world: World) -> None:
    assert world.report is not None
    found = {table.table: table for table in world.report.tables}
    for table in found.values():
        assert table.rows_in == table.rows_kept + table.rows_quarantined
    assert found["applications"].rows_in == world.raw["applications"].height
    assert found["bureau"].rows_in == world.raw["bureau"].height + answers_before_their_application(world)
    assert found["profiles"].rows_in == world.raw["customers"].height
    reasons = " ".join(found["applications"].reasons)
    assert "as an earlier row" in reasons  # what came twice
    assert "amount: " in reasons  # what came malformed


def answers_before_their_application(world: World) -> int:
    """Answers that landed on a day before the first version of their application: those have a row for each moment."""
    first = world.raw["applications"].group_by("application_id").agg(asked=pl.col(CREATED).min().dt.date())
    both = world.raw["bureau"].join(first, on="application_id")
    return both.filter(pl.col(CREATED).dt.date() < pl.col("asked")).height


@pytest.mark.parametrize("table", ACCOUNTED)
def test_every_raw_row_is_accounted_for(world: World, table: str) -> None:
    summed = world.table(table).filter(pl.col(EVENT) == pl.col(CREATED))
    assert (summed["rows_in"] == summed["rows_kept"] + summed["rows_repeated"] + summed["rows_malformed"]).all()
    assert summed["rows_repeated"].sum() > 0
    assert summed["rows_malformed"].sum() > 0
    close = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
    february = (pl.col(EVENT).dt.month() == 2) & (pl.col(CREATED) <= close) & (pl.col(EVENT).dt.year() == 2024)
    landed = sum(world.raw[name].filter(february).height for name in ACCOUNTED[table])
    assert summed.filter(pl.col(EVENT) == close)["rows_in"].sum() == landed


def test_a_months_sums_are_the_loop_over_its_movements(world: World) -> None:
    close = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)
    row = (
        world.table("money")
        .filter(pl.col(EVENT) == close, pl.col(CREATED) == close)
        .sort("rows_in")
        .row(-1, named=True)
    )
    versions: dict[int, dict[str, object]] = {}
    mine = world.raw["transactions"].filter(pl.col(KEY) == row[KEY], pl.col(CREATED) <= close).sort(CREATED)
    for one in mine.filter(pl.col(EVENT).dt.strftime("%Y-%m") == "2024-02").iter_rows(named=True):
        versions[one["transaction_id"]] = one
    sound = [one for one in versions.values() if one["amount"] is not None and abs(one["amount"]) < 1e6]  # type: ignore[arg-type]
    groceries = sum(-one["amount"] for one in sound if one["kind"] == "purchase" and one["mcc"] == 5411)  # type: ignore[operator,misc]
    assert row["spent_groceries"] == pytest.approx(groceries, abs=0.005)
    assert row["out_sum"] == pytest.approx(sum(-one["amount"] for one in sound if one["amount"] < 0), abs=0.005)  # type: ignore[operator,misc]
    assert row["rows_kept"] == len(sound)


def test_what_comes_late_gives_a_later_version_and_leaves_the_first(world: World) -> None:
    money = world.table("money")
    second = money.filter(pl.col(EVENT) < pl.col(CREATED))
    assert second.height > 0
    both = second.join(money.filter(pl.col(EVENT) == pl.col(CREATED)), on=[KEY, EVENT], suffix="_first")
    assert both.height == second.height
    assert (both["rows_in"] >= both["rows_in_first"]).all()
    assert (both["rows_in"] > both["rows_in_first"]).any()


def test_nothing_is_known_before_it_landed(world: World) -> None:
    for name in ("applications", "bureau", "money", "book", "access"):
        known = world.table(name, FEBRUARY)
        assert (known[CREATED] < datetime(2024, 3, 1, tzinfo=UTC)).all()


def test_the_truth_is_not_in_reach(world: World) -> None:
    """Truth lies beside the folder that the portfolio is given, and no table, column or feature has its names."""
    assert not list(world.portfolio.data.rglob("*true_*"))
    spec = world.portfolio.features
    columns = {column for table in spec.tables.values() for column in table.columns}
    hidden = {"ability", "willingness", "impulsivity", "pd", "index", "intends_to_pay", "shocked", "diverts"}
    assert not columns & hidden
    assert not set(spec.tables) & set(TRUTH)


def test_there_are_many_features_and_none_of_a_protected_column(world: World) -> None:
    spec = world.portfolio.features
    models = read_models(world.portfolio.folder / "models.yaml", spec)
    built = [feature for view in spec.views_of(models.services()) for feature in spec.views[view].features]
    assert len(built) >= 200
    for model in models.models.values():
        use = spec.services[model.service].use
        guard(spec, use, [column.name for column in select(spec, model.service)])
    for name, table in spec.tables.items():
        for column in PROTECTED & set(table.columns):
            assert not {"credit", "marketing"} & set(table.columns[column].uses), (name, column)
    for feature in ("age_band", "sex", "ethnic_group"):
        with pytest.raises(ForbiddenUse):
            guard(spec, "credit", [feature])


def test_an_application_is_read_with_what_was_found_out_about_it(
    world: World, features: dict[str, pl.DataFrame]
) -> None:
    asked, answers = features["application"], features["credit_bureau"]
    together = asked.join(answers, on=[KEY, EVENT], how="semi")
    assert together.height > 0.9 * asked.height  # the rest came late, or malformed
    close = asked[EVENT].dt.time()
    assert (close >= datetime(2024, 1, 1, 23, 59, 58).time()).all()


@pytest.mark.usefixtures("features")
def test_the_behaviour_model_learns(world: World) -> None:
    """Trained on half of the borrowers it ranks the others: by being late at all next month, in so small a world."""
    spec = world.portfolio.features
    model = read_models(world.portfolio.folder / "models.yaml", spec).models["behaviour"]
    soon = model.model_copy(update={"label": Within(**LATE_SOON)})
    assert auc_of_half(world, soon) > 0.55


@pytest.mark.long
def test_defaults_are_known_at_the_horizons_end_and_follow_what_was_known_before(tmp_path: Path) -> None:
    """Eight months, as a default takes half a year to be known; some thirty of them teach no model 70 features."""
    from sklearn.metrics import roc_auc_score

    portfolio, lake = simulated(tmp_path, 2_000, 8, miss_index=-2.6), Lake(tmp_path / "lake")
    ingest(portfolio, lake, LONG)
    world = World(portfolio, lake, LONG, None, raw_of(portfolio, "loan_states"))
    outcomes_are_right(world)
    build_features(portfolio, lake, LONG, ["application"])
    model = read_models(portfolio.folder / "models.yaml", portfolio.features).models["application"]
    found = joined(world, model).drop_nulls("bureau_score")
    assert roc_auc_score(found[LABEL].to_numpy(), -found["bureau_score"].to_numpy()) > 0.6


def outcomes_are_right(world: World) -> None:
    outcomes = world.table("loan_outcomes")
    assert (outcomes[CREATED] - outcomes["observed_timestamp"]).unique().to_list() == [timedelta(days=180)]
    states = world.raw["loan_states"].select("loan_id", "days_past_due", landed=pl.col(CREATED))
    seen = outcomes.join(states, left_on="application_id", right_on="loan_id").filter(pl.col("landed") <= pl.col(EVENT))
    worst = dict(seen.group_by("application_id").agg(pl.col("days_past_due").max()).iter_rows())
    for one in outcomes.iter_rows(named=True):
        assert one["worst_days_past_due"] == worst.get(one["application_id"], 0)
        assert one["defaulted"] == (one["worst_days_past_due"] >= 60)
    assert 0.02 < outcomes["defaulted"].mean() < 0.6  # type: ignore[operator]


def auc_of_half(world: World, model: ModelSpec) -> float:
    """AUC on customers of odd id of a model that learned from those of even id."""
    from sklearn.metrics import roc_auc_score

    frame, columns = joined(world, model), select(world.portfolio.features, model.service)
    train, test = (frame.filter(pl.col(KEY) % 2 == odd) for odd in (0, 1))
    quick = model.model_copy(
        update={"estimator": model.estimator.model_copy(update={"iterations": 60}), "monotone": {}}
    )
    fitted = fit_boosted(quick, train, input_order(columns), train[LABEL].to_numpy())
    return float(roc_auc_score(test[LABEL].to_numpy(), fitted.log_odds(test)))


def joined(world: World, model: ModelSpec) -> pl.DataFrame:
    """Labelled rows with their features as known then, joined as training joins them."""
    tables = {name: world.table(name) for name in (model.observations, model.label.table)}
    frame, name = labels(model, tables, KEY, world.as_of), world.portfolio.name
    for view, names in world.portfolio.features.services[model.service].views.items():
        files = sorted(world.lake.folder(name, "features", view).glob("known=*/part.parquet"))
        source = FeatureFiles(files, {KEY: KEY}, {one: one for one in names}, EVENT, CREATED, None)
        frame = frame.hstack(features_known(frame, EVENT, source))
    return frame


def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    nothing = open_portfolio(PORTFOLIOS, "simulated_lender", made=tmp_path)
    with pytest.raises(PortfolioError, match="lendloop simulate"):
        read_tables(nothing)
