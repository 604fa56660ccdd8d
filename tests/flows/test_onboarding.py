"""One flat file becomes a portfolio that checks, builds and trains, or a clear message and nothing else."""

import gzip
import hashlib
import os
import re
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from features.build import build_features
from features.ingest import ingest
from features.lake import Lake
from features.permitted import select
from features.portfolio import Portfolio, list_portfolios, open_portfolio
from flows.onboarding import folder as folder_module
from flows.onboarding.check import check_portfolio
from flows.onboarding.columns import read_content
from flows.onboarding.dates import read_dates
from flows.onboarding.folder import new_portfolio
from flows.onboarding.leakage import separation
from flows.onboarding.names import normalised
from flows.onboarding.numbers import read_numbers
from flows.onboarding.outcome import matured, read_outcome
from flows.onboarding.plan import Plan, make_plan
from flows.onboarding.policy_file import WIDEST, calibration_limit, pd_at_60, policy_text
from flows.onboarding.reading import read_flat_file
from flows.onboarding.request import OnboardingError
from flows.onboarding.vocabulary import is_personal, is_protected
from tests.flows.flat_files import asked, nasty, plain, write
from training.labels import labels
from training.spec import read_models
from training.train import train
from training.trained import TrainedModel

NASTY = {"name": "nasty", "id": "Customer ID", "time": "app.date", "label": "default"}


def roles(plan: Plan) -> dict[str, str]:
    return {column.header: column.role for column in plan.columns}


def trained(portfolio: Portfolio, home: Path, as_of: date) -> TrainedModel:
    """Ingest, build, label and train as the flows do, without their stores."""
    lake, key = Lake(home), portfolio.features.entity.key
    ingest(portfolio, lake, as_of)
    build_features(portfolio, lake, as_of)
    (name, spec), *_ = read_models(portfolio.folder / "models.yaml", portfolio.features).models.items()
    tables = {table: lake.read(portfolio.name, "tables", table, as_of=as_of) for table in portfolio.features.tables}
    frame = labels(spec, tables, key, as_of)
    for view in portfolio.features.views:
        built = lake.read(portfolio.name, "features", view, as_of=as_of).drop("created_timestamp")
        frame = frame.join(built, on=[key, "event_timestamp"], how="left", maintain_order="left")
    groups = [column.name for column in select(portfolio.features, spec.groups)] if spec.groups else []
    quick = spec.model_copy(update={"estimator": spec.estimator.model_copy(update={"iterations": 40})})
    return train(name, quick, frame, select(portfolio.features, spec.service), groups, as_of)


# --- Names ----------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=80), max_size=30))
def test_names_are_accepted_everywhere_and_distinct(headers: list[str]) -> None:
    names = normalised(headers)
    assert len(set(names)) == len(headers)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= 55 for name in names)
    assert normalised(headers) == names


def test_names_stay_readable() -> None:
    headers = [
        "Annual Income ($)",
        "annual.income",
        "select",
        "2nd",
        "",
        "年龄",
        "收货人",
        "émail",
        "maritalStatus",
        "event_timestamp",
    ]
    assert normalised(headers) == [
        "annual_income", "annual_income_2", "select_field", "n_2nd", "column_5", "age", "column_7", "email",
        "marital_status", "event_timestamp_field",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header", ["sex", "Gender", "AGE", "customer_age", "maritalStatus", "education", "race", "民族", "婚姻状况"]
)
def test_protected_names_are_recognised(header: str) -> None:
    assert is_protected(header)


@pytest.mark.parametrize(
    "header", ["usage", "account_age", "mortgage", "average", "loan_purpose_education", "账户年龄", "sextant"]
)
def test_other_names_are_not_protected(header: str) -> None:
    assert not is_protected(header)


def test_personal_names_are_recognised() -> None:
    assert [is_personal(name) for name in ("first name", "手机号", "email", "product name")] == [
        True,
        True,
        True,
        False,
    ]


# --- Reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_separators_and_encodings_are_found(tmp_path: Path, separator: str, encoding: str) -> None:
    frame = pl.DataFrame({"编号": ["1", "2"], "text, with; both|": ["甲,乙", "a;b"], "n": ["1", None]})
    path = tmp_path / "file.csv"
    quoted = separator.join(f'"{name}"' for name in frame.columns)
    path.write_bytes((quoted + "\r\n" + frame.write_csv(include_header=False, separator=separator)).encode(encoding))
    found = read_flat_file(path)
    assert found.headers == tuple(frame.columns)
    assert found.frame.rows() == frame.rows()


def test_gzip_and_parquet_hold_the_same_as_text(tmp_path: Path) -> None:
    frame = plain(200)
    text = write(frame, tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.read_bytes()))
    frame.write_parquet(tmp_path / "a.parquet")
    plans = [make_plan(asked(tmp_path / name)) for name in ("a.csv", "a.csv.gz", "a.parquet")]
    assert plans[0].records.equals(plans[1].records)
    assert plans[0].records.equals(plans[2].records)
    assert plans[0].labelled.equals(plans[2].labelled)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("none.csv", None, "no such file"),
        ("a.xlsx", b"x", "expected .csv"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,day,x,bad\n", "no rows"),
        ("a.csv", b"id,day,x,bad\n1,2024-01-01,a,b,1\n", r"a.csv:2: found 5 fields, expected 4"),
        ("a.csv", b"id\n1\n", "expected a time, a label"),
        ("a.csv.gz", b"\x1f\x8bnot gzip", "cannot be read"),
        ("a.parquet", b"no", "as Parquet"),
        ("a.csv", b"\x00\x01\x02" * 50, "is not text"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path: Path, name: str, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(OnboardingError, match=expected):
        make_plan(asked(tmp_path / name))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-01-31"], "2024-01-31 00:00"),
        (["31/01/2024"], "2024-01-31 00:00"),
        (["01/31/2024"], "2024-01-31 00:00"),
        (["05/03/2024", "13/03/2024"], "2024-03-05 00:00"),
        (["05/03/2024", "05/13/2024"], "2024-05-03 00:00"),
        (["20240131"], "2024-01-31 00:00"),
        (["31.1.2024"], "2024-01-31 00:00"),
        (["5-Jan-24"], "2024-01-05 00:00"),
        (["Jan 31, 2024"], "2024-01-31 00:00"),
        (["2024年1月31日"], "2024-01-31 00:00"),
        (["2024-01-31T10:20:30Z"], "2024-01-31 10:20"),
        (["2024-01-31 10:20"], "2024-01-31 10:20"),
        (["2024-01-31T10:20:30+08:00"], "2024-01-31 02:20"),
        (["1/31/2024 3:04 PM"], "2024-01-31 15:04"),
        (["1706695200"], "2024-01-31 10:00"),
        (["1706695200000"], "2024-01-31 10:00"),
        (["2024-02"], "2024-02-29 00:00"),
        (["202402"], "2024-02-29 00:00"),
        (["Feb-2024"], "2024-02-29 00:00"),
    ],
)
def test_dates_are_read_however_written(texts: list[str], expected: str) -> None:
    assert f"{read_dates(pl.Series(texts)).values[0]:%Y-%m-%d %H:%M}" == expected


def test_several_ways_of_writing_a_date_may_be_mixed() -> None:
    found = read_dates(pl.Series(["2024-01-31", "31/01/2024", "Jan 31, 2024", "2024-01-31 00:00:00", "rubbish"]))
    assert found.values.dt.date().to_list() == [date(2024, 1, 31)] * 4 + [None]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "2.5"], [1.0, 2.5]),
        (["1,234", "12"], [1234.0, 12.0]),
        (["1.234,5", "2,5"], [1234.5, 2.5]),
        (["$1,200.50", "$3"], [1200.5, 3.0]),
        (["12%", "3.4%"], [12.0, 3.4]),
        (["1 234", "5"], [1234.0, 5.0]),
        (["1e5", "-.5"], [1e5, -0.5]),
    ],
)
def test_numbers_are_read_however_written(texts: list[str], expected: list[float]) -> None:
    assert read_numbers(pl.Series(texts)).values.to_list() == expected


def test_content_keeps_codes_text_and_says_what_it_lost() -> None:
    assert read_content(pl.Series(["00123", "00127"]), "zip").type == "category"
    numbers = read_content(pl.Series(["1,000"] * 99 + ["none of it", None]), "amount")
    assert (numbers.type, numbers.missing) == ("int", 2)
    assert numbers.remarks == (
        "text read as numbers (thousands separated by commas)",
        "1 values are no numbers, such as 'none of it', and count as missing",
    )
    assert read_content(pl.Series([20240131, 20240201]), "opened date").type == "timestamp"
    assert read_content(pl.Series([20240131, 20240201]), "amount").type == "int"
    assert read_content(pl.Series([1.0, float("inf"), None]), "x").missing == 2


# --- Label ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([0, 1], "1"), ([1.0, 0.0], "1"), ([-1, 1], "1"), (["yes", "no"], "yes"), ([True, False], "true"),
        (["Charged Off", "Fully Paid"], "Charged Off"), (["good", "kaput"], "kaput"), (["是", "否"], "是"),
        (["Y", "N"], "Y"),
    ],
)  # fmt: skip
def test_the_event_is_found_by_convention(values: list[object], positive: str) -> None:
    found = read_outcome(pl.Series(values), "label", None)
    assert found.positive == positive
    assert found.events.sum() == 1


def test_the_event_may_be_named() -> None:
    found = read_outcome(pl.Series([1, 2, 2, None]), "class", "2")
    assert (found.positive, found.known, found.events.sum()) == ("2", 3, 2)


@pytest.mark.parametrize(
    ("values", "positive", "expected"),
    [
        ([1, 2], None, "cannot tell which one is the event"),
        (["a", "b"], None, "--positive"),
        (["a", "b"], "c", "not a value of 'label'"),
        (["a", "b", "c"], None, r"found 3 values: 'a' \(1\)"),
        (["a", "a"], None, "found 1 values"),
        ([None, None], None, "found 0 values: none"),
    ],
)
def test_a_label_that_is_not_binary_or_unclear_is_an_error(
    values: list[object], positive: str | None, expected: str
) -> None:
    with pytest.raises(OnboardingError, match=expected):
        read_outcome(pl.Series(values), "label", positive)


@pytest.mark.parametrize(
    ("matures", "expected"), [("30d", "2024-02-14"), ("6m", "2024-07-15"), ("month-end", "2024-01-31")]
)
def test_labels_mature(matures: str, expected: str) -> None:
    times = read_dates(pl.Series(["2024-01-15 10:00", "2024-03-31 00:00"])).values
    assert f"{matured(times, matures)[0]:%Y-%m-%d}" == expected


def test_month_end_rows_mature_a_month_later() -> None:
    times = read_dates(pl.Series(["2024-01", "2024-02"])).values
    assert [f"{day:%Y-%m-%d}" for day in matured(times, "month-end")] == ["2024-02-29", "2024-03-31"]


def test_an_unknown_maturity_is_an_error() -> None:
    with pytest.raises(OnboardingError, match="expected days as 30d"):
        matured(read_dates(pl.Series(["2024-01-15"])).values, "soon")


# --- Columns --------------------------------------------------------------------------------------


def test_every_column_of_a_nasty_file_is_treated_rightly(tmp_path: Path) -> None:
    plan = make_plan(asked(write(nasty(), tmp_path / "n.csv"), **NASTY))
    found = roles(plan)
    features = [
        "Annual Income ($)",
        "",
        "select",
        "2nd income",
        "贷款用途",
        "employer",
        "opened",
        "has card",
        "Select",
        "zip",
        "SELECT",
    ]
    assert [header for header, role in found.items() if role == "feature"] == features
    assert [header for header, role in found.items() if role == "protected"] == ["性别", "Age (years)"]
    assert [header for header, role in found.items() if role == "leak"] == ["closed date", "recovered"]
    assert [header for header, role in found.items() if role == "personal"] == ["email"]
    assert [header for header, role in found.items() if role == "dropped"] == ["notes", "const", "empty"]
    why = {column.header: column.why for column in plan.columns}
    assert why["recovered"] == "alone tells the outcome (AUC 1.000): surely written after it"
    assert "later than the row's own time" in why["closed date"]
    assert why["notes"].startswith("id or free text: 3,000 different values")
    assert [column.name for column in plan.columns if column.header in ("select", "Select", "SELECT")] == [
        "select_field", "select_field_2", "select_field_3",
    ]  # fmt: skip


def test_a_leak_may_be_not_monotone_or_hide_in_what_is_missing() -> None:
    draw = np.random.default_rng(0)
    outcome = (draw.random(4000) < 0.2).astype(np.int8)
    middle = pl.Series(np.where(outcome == 1, 0.0, draw.choice([-1, 1], 4000) * draw.uniform(1, 2, 4000)))
    assert separation(middle, outcome) > 0.98
    assert separation(pl.Series([None if event else 1.0 for event in outcome]), outcome) > 0.98
    assert separation(pl.Series(draw.normal(size=4000) + outcome), outcome) == pytest.approx(0.76, abs=0.03)
    assert separation(pl.Series([f"text {place}" for place in range(4000)]), outcome) < 0.55


def test_protected_columns_may_be_named_and_reach_no_model(tmp_path: Path) -> None:
    file = write(plain(club=["a", "b", "c"] * 1000), tmp_path / "p.csv")
    new_portfolio(asked(file, protected=("club",)), tmp_path / "all")
    spec = open_portfolio(tmp_path / "all", "made_up").features
    assert spec.tables["records"].columns["club"].uses == ("fairness",)
    assert [column.name for column in select(spec, "risk")] == ["x"]
    assert [column.name for column in select(spec, "groups")] == ["club"]


# --- Rows -----------------------------------------------------------------------------------------


def test_rows_that_cannot_be_used_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    frame = plain(1000).with_columns(pl.all().cast(pl.String))
    broken = pl.concat(
        [
            frame,
            frame[:2],
            frame[2:3].with_columns(x=pl.lit("9")),
            frame[3:4].with_columns(id=None),
            frame[4:5].with_columns(day=pl.lit("soon")),
        ]
    )
    plan = make_plan(asked(write(broken, tmp_path / "b.csv")))
    assert len(plan.records) == 1000
    assert plan.rows.set_aside.select("row", "reason").rows() == [
        (1001, "the same in every column as an earlier row"),
        (1002, "the same in every column as an earlier row"),
        (1003, "id and time of an earlier row"),
        (1004, "no id in 'id'"),
        (1005, "no readable time in 'day'"),
    ]


def test_an_entity_may_have_many_rows(tmp_path: Path) -> None:
    plan = make_plan(asked(write(plain(id=np.arange(3000) % 700), tmp_path / "m.csv")))
    assert (plan.key, plan.rows.numbered, plan.rows.entities) == ("id", False, 700)


def test_rows_are_their_own_entities_when_ids_do_not_tell_them_apart_or_there_are_none(tmp_path: Path) -> None:
    same = make_plan(asked(write(plain(id=np.arange(3000) % 5), tmp_path / "s.csv")))
    assert (same.key, same.rows.numbered, len(same.records)) == ("row_number", True, 3000)
    assert "each row is taken as its own entity" in same.notes[-1]
    assert make_plan(asked(write(plain().drop("id"), tmp_path / "n.csv"), id="")).rows.entities == 3000


def test_ids_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    plan = make_plan(asked(write(plain(id=[f"{place:06d}" for place in range(3000)]), tmp_path / "z.csv")))
    assert (plan.rows.key_type, plan.records["id"][0][:1]) == ("string", "0")


def test_rows_without_a_label_are_kept_without_an_outcome(tmp_path: Path) -> None:
    bad = plain()["bad"].cast(pl.String).to_list()
    plan = make_plan(asked(write(plain(bad=[*bad[:2900], *[None] * 100]), tmp_path / "u.csv")))
    assert (len(plan.records), len(plan.labelled)) == (3000, 2900)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": "ID number"}, "no such column; found 'id', 'day'"),
        ({"time": "Dayy"}, "did you mean 'day'"),
        ({"time": "x"}, "expected dates such as"),
        ({"label": "day"}, "three different columns"),
        ({"protected": ("nobody",)}, "--protected 'nobody'"),
        ({"matures": "3y"}, "expected days as 30d"),
        ({"matures": "24m"}, r"no label is known by 2023-09-30.*the first would be on 2025-01-01"),
        ({"name": "Car Loans"}, "expected a name of a-z"),
    ],
)
def test_wrong_requests_are_clear_errors_and_leave_nothing(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    file = write(plain(), tmp_path / "p.csv")
    with pytest.raises(OnboardingError, match=expected):
        new_portfolio(asked(file, **changes), tmp_path / "all" / "of it")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.csv"]


def test_a_file_with_nothing_to_learn_from_is_an_error(tmp_path: Path) -> None:
    file = write(plain(x=[1] * 3000), tmp_path / "p.csv")
    with pytest.raises(OnboardingError, match=r"no column is left to learn from\. 'x': always 1"):
        make_plan(asked(file))


# --- The folder -----------------------------------------------------------------------------------


def test_a_nasty_file_passes_its_check_and_trains(tmp_path: Path) -> None:
    file, root = write(nasty(), tmp_path / "n.csv", separator=";"), tmp_path / "all"
    plan = new_portfolio(asked(file, **NASTY), root)
    found = check_portfolio(root, "nasty")
    assert found.faults == ()
    assert [(table.table, table.rows_in, table.rows_quarantined) for table in found.tables] == [
        ("records", 3000, 0), ("outcomes", 3000, 0),
    ]  # fmt: skip
    model = trained(open_portfolio(root, "nasty"), tmp_path / "lake", plan.as_of)
    assert model.report.scheme == "out of time"
    assert model.report.model.auc.value > 0.65
    assert sorted(model.report.fairness) == ["age_years", "sex"]


def test_a_propensity_file_with_repeated_ids_and_months_trains(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    months = [f"2023-{month:02d}" for month in range(1, 10)]
    people = np.repeat(np.arange(400), len(months))
    x = draw.normal(size=len(people))
    bought = np.where(draw.random(len(people)) < 1 / (1 + np.exp(1 - x)), "Y", "N")
    frame = pl.DataFrame(
        {"who": people, "month": months * 400, "x": x, "group by": draw.integers(1, 9, len(people)), "ok": bought}
    )
    frame.write_parquet(tmp_path / "f.parquet")
    asks = asked(tmp_path / "f.parquet", name="offers", id="who", time="month", label="ok", kind="propensity")
    plan = new_portfolio(asks, tmp_path / "all")
    assert plan.rows.entities == 400
    assert check_portfolio(tmp_path / "all", "offers").faults == ()
    model = trained(open_portfolio(tmp_path / "all", "offers"), tmp_path / "lake", plan.as_of)
    assert model.report.kind == "propensity"
    assert model.report.fairness == {}


def drifting(swing: float, rows: int = 4000) -> pl.DataFrame:
    """A file whose event rate is 0.2 plus and minus `swing` in turn, month by month."""
    draw = np.random.default_rng(5)
    months = draw.integers(1, 11, rows)
    bad = draw.random(rows) < 0.2 + swing * np.where(months % 2, 1, -1)
    days = [f"2023-{month:02d}-{day:02d}" for month, day in zip(months, draw.integers(1, 29, rows), strict=True)]
    return pl.DataFrame({"id": np.arange(rows), "day": days, "x": draw.normal(size=rows), "bad": bad.astype(int)})


@pytest.mark.parametrize(("swing", "low", "high"), [(0.0, 0.08, 0.09), (0.06, 0.11, 0.15), (0.15, WIDEST, WIDEST)])
def test_the_calibration_limit_is_a_quarter_of_the_cut_off_or_as_far_as_the_rate_moves(
    tmp_path: Path, swing: float, low: float, high: float
) -> None:
    plan = make_plan(asked(write(drifting(swing), tmp_path / "d.csv"), matures="month-end"))
    limit, why = calibration_limit(plan, pd_at_60(plan))
    assert low <= limit <= high
    assert f"may be {limit:g}: the larger of" in why
    written = policy_text(plan)
    assert f"largest_calibration_error: {limit:g}," in written
    assert f"# {why.splitlines()[0]}" in written


def test_a_file_too_short_to_tell_how_its_rate_moves_gets_the_widest_limit(tmp_path: Path) -> None:
    plan = make_plan(asked(write(drifting(0.0).filter(pl.col("day") < "2023-04"), tmp_path / "d.csv")))
    limit, why = calibration_limit(plan, 0.3)
    assert (limit, "too few months" in why) == (WIDEST, True)


def test_a_label_that_takes_long_is_judged_by_how_far_the_rate_moves_meanwhile(tmp_path: Path) -> None:
    swings = asked(write(drifting(0.06), tmp_path / "d.csv"), matures="30d")
    # Two months later the rate is where it was: what it did in between is not held against a model.
    assert calibration_limit(make_plan(swings), 0.3)[0] == pytest.approx(0.075, abs=0.01)


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    file = write(nasty(1500), tmp_path / "n.csv")
    digests = []
    for root in (tmp_path / "one", tmp_path / "two"):
        new_portfolio(asked(file, **NASTY), root)
        parts = sorted(path for path in root.rglob("*") if path.is_file())
        digests.append([(path.relative_to(root), hashlib.sha256(path.read_bytes()).hexdigest()) for path in parts])
    assert digests[0] == digests[1]


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    file, root = write(plain(), tmp_path / "p.csv"), tmp_path / "all"
    new_portfolio(asked(file), root)
    with pytest.raises(OnboardingError, match="exists already"):
        new_portfolio(asked(file), root)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(plan: Plan) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_module, "features_text", fail)
    with pytest.raises(OSError, match="No space left"):
        new_portfolio(asked(write(plain(), tmp_path / "p.csv")), tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_what_a_killed_run_left_is_never_a_portfolio_and_is_cleared(tmp_path: Path) -> None:
    root = tmp_path / "all"
    left = root / ".new-999999999" / "made_up"
    left.mkdir(parents=True)
    (left / "features.yaml").write_text("half")
    assert list_portfolios(root) == []
    new_portfolio(asked(write(plain(), tmp_path / "p.csv")), root)
    assert [path.name for path in root.iterdir()] == ["made_up"]


def test_set_aside_rows_are_in_a_file_and_in_the_readme(tmp_path: Path) -> None:
    frame = plain(1000)
    new_portfolio(asked(write(pl.concat([frame, frame[:3]]), tmp_path / "p.csv")), tmp_path / "all")
    folder = tmp_path / "all" / "made_up"
    assert len(pl.read_csv(folder / "set_aside.csv")) == 3
    assert "3 rows could not be used" in (folder / "README.md").read_text()
    assert sorted(os.listdir(folder / "data")) == ["outcomes.parquet", "records.parquet"]


# --- The command ----------------------------------------------------------------------------------


def test_the_command_says_what_it_decided_and_what_is_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.cli.portfolios import app

    monkeypatch.setenv("COLUMNS", "200")
    file, root = write(nasty(), tmp_path / "n.csv"), str(tmp_path / "all")
    options = ["--id", "Customer ID", "--time", "app.date", "--label", "default", "--folder", root]
    result = CliRunner().invoke(app, ["new", "nasty", "--from", str(file), *options])
    assert result.exit_code == 0, result.output
    for part in (
        "recovered: alone tells the outcome",
        "性别: by its name",
        "lendloop run month --portfolio nasty --as-of 2022-12-31",
    ):
        assert part in result.output
    checked = CliRunner().invoke(app, ["check", "nasty", "--folder", root])
    assert checked.exit_code == 0, checked.output
    assert "nothing wrong" in checked.output
    listed = CliRunner().invoke(app, ["list", "--folder", root])
    assert "2022-01" in listed.output
    assert "records 3,000" in listed.output
