"""Flat files as people write them: separators, encodings, dates, numbers, outcomes."""

import gzip
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.onboarding.columns import read_content
from flows.onboarding.dates import read_dates
from flows.onboarding.numbers import read_numbers
from flows.onboarding.outcome import matured, read_outcome
from flows.onboarding.plan import make_plan
from flows.onboarding.reading import read_flat_file
from flows.onboarding.request import OnboardingError
from tests.flows.flat_files import asked, plain, write


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
    ("texts", "ambiguous"),
    [
        (["03/04/2024", "05/06/2024"], "%d/%m/%Y and %m/%d/%Y"),
        (["03/04/2024 10:00", "05/06/2024 11:30"], "%d/%m/%Y %H:%M and %m/%d/%Y %H:%M"),
        (["03/04/2024", "2024-03-05"], "%d/%m/%Y and %m/%d/%Y"),
        (["03/04/2024", "25/06/2024", "06/25/2024"], ""),
        (["03/04/2024", "25/06/2024"], ""),
        (["03/03/2024"], ""),
        (["2024-03-04"], ""),
    ],
)
def test_days_and_months_that_may_be_exchanged_are_told(texts: list[str], ambiguous: str) -> None:
    assert read_dates(pl.Series(texts)).ambiguous == ambiguous


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


def test_rows_without_any_value_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("id,when,bad\n1,2024-01-31,0\n,,\n , ,\n2,2024-02-29,1\n")
    found = read_flat_file(path)
    assert len(found.frame) == 2
    assert found.notes == ("2 rows without any value, left out",)
