"""features.yaml: every fault with its line and key."""

from pathlib import Path

import pytest

from features.check import check_spec
from features.documents import DocumentError, parse_document
from features.portfolio import PortfolioError, open_portfolio
from features.spec import FeatureSpec
from tests.features.small import SPEC, months, portfolio, spec

LINES = SPEC.splitlines()


def line(text: str, changed: str = SPEC) -> int:
    return next(number for number, one in enumerate(changed.splitlines(), 1) if text in one)


@pytest.mark.parametrize(
    ("old", "new", "at", "key", "problem"),
    [
        (
            "table: payments\n    freshness: 40\n",
            "table: loans\n    freshness: 40\n",
            "table: loans",
            "views.behaviour.table",
            "no table 'loans'; expected one of",
        ),
        (
            "uses: [credit], range: [0, null]}",
            "uses: [loans], range: [0, null]}",
            "due:",
            "tables.payments.columns.due.uses.0",
            "Input should be 'credit'",
        ),
        (
            "range: [0, 1000]",
            "range: [1000, 0]",
            "amount: {type",
            "tables.payments.columns.amount",
            "the range is empty",
        ),
        (
            "type: string, meaning: free",
            "type: text, meaning: free",
            "note:",
            "tables.payments.columns.note.type",
            "found 'text'",
        ),
        (
            "categories: [web,",
            "categories: [true,",
            "channel: {type",
            "tables.payments.columns.channel.categories.0",
            "write it in quotes",
        ),
        (
            "      urgent:",
            "      event_timestamp:",
            "event_timestamp:",
            "tables.payments.columns.event_timestamp",
            "is in every table already",
        ),
        (
            "age_band: {",
            "amount: {",
            "amount: {transform: band",
            "views.protected.features.amount",
            "view 'behaviour' has a feature of this name",
        ),
        (
            "[amount, channel]",
            "[amount, chanel]",
            "chanel",
            "services.offers.views.behaviour",
            r"no feature \['chanel'\]; the view has",
        ),
        ("{protected: all}", "{protect: all}", "protect: all", "services.groups.views.protect", "no view 'protect'"),
        (
            "    meaning: one row a client and month\n",
            "    meaning: m\n    unique: false\n",
            "table: payments",
            "views.behaviour.table",
            "is not unique",
        ),
        ("freshness: 40\n", "freshness: 0\n", "freshness: 0", "views.behaviour.freshness", "greater than 0"),
        ("freshness: 40\n", "freshness: 3000000\n", "freshness: 3", "views.behaviour.freshness", "equal to 50000"),
        (
            "entity: {name: client,",
            "entity: {name: client, kind: x,",
            "kind: x",
            "entity.kind",
            "unknown key; expected one of key, meaning, name",
        ),
    ],
)
def test_a_fault_has_its_line_and_key(old: str, new: str, at: str, key: str, problem: str) -> None:
    text = SPEC.replace(old, new, 1)
    assert text != SPEC
    with pytest.raises(DocumentError, match=rf"features\.yaml:{line(at, text)}: {key}.*{problem}"):
        spec(text)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(DocumentError) as error:
        spec(SPEC.replace("table: payments", "table: loans").replace("[amount, channel]", "[rate]"))
    assert len(str(error.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("transform: lag", "transform: lagg", "transform", r"no transform 'lagg'; expected one of \['band', "),
        (
            "transform: lag, column: amount",
            "transform: lag, column: amout",
            "column",
            r"no column 'amout' in the table; it has \['age'",
        ),
        (
            "transform: lag, column: amount",
            "transform: lag, column: channel",
            "column",
            "column 'channel' is of type category; 'lag' takes",
        ),
        (
            "transform: lag, column: amount",
            "transform: lag, column: amount, period: 2",
            "period",
            r"unknown argument of 'lag'; it takes lag\(column, periods=1\)",
        ),
        (
            "transform: lag, column: amount",
            "transform: lag, column: amount, periods: 0",
            "periods",
            "found 0, expected: Input should be greater",
        ),
        *(
            (
                "transform: lag, column: amount",
                f"transform: lag, column: amount, periods: {written}",
                "periods",
                "found .*, expected: Input should be a number, written without quotes",
            )
            for written in ('"2"', "true", "no", "010")
        ),
        ("transform: lag, column: amount", "transform: lag", "column", "missing argument of 'lag'"),
    ],
)
def test_a_transform_that_does_not_fit_has_its_line_and_key(
    tmp_path: Path, old: str, new: str, key: str, problem: str
) -> None:
    text = SPEC.replace(old, new, 1)
    at = line("amount_1:", text)
    with pytest.raises(
        DocumentError, match=rf"features\.yaml:{at}: views\.behaviour\.features\.amount_1\.{key}: {problem}"
    ):
        portfolio(tmp_path, months(1, 1), text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [1", r"x\.yaml:1: not valid YAML"),
        ("- 1", r"x\.yaml:1: found list, expected a mapping"),
        ("", r"x\.yaml:1: found NoneType, expected a mapping"),
        ("entity: 2005-13-45", r"x\.yaml: not valid YAML: month must be in 1\.\.12"),
        ("entity: {a: 1}\nentity: {b: 2}", r"x\.yaml:2: not valid YAML: duplicate key 'entity'"),
        ("entity: &a {b: *a}", r"x\.yaml:1: not valid YAML: a value holds itself"),
        ("? [1, 2]\n: 3", r"x\.yaml:1: not valid YAML: a key must be plain text"),
    ],
)
def test_yaml_that_is_none_is_a_clear_error(text: str, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        parse_document(text, FeatureSpec, "x.yaml")


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ("import nothing_of_this_name", "cannot be loaded: ModuleNotFoundError"),
        ("TRANSFORMS = 1", "expected `TRANSFORMS = Registry"),
        (
            "import polars as pl\nfrom features.transforms.registry import Registry, Rows\nTRANSFORMS = Registry()\n"
            "@TRANSFORMS.transform('lag')\ndef lag(rows: Rows) -> pl.Expr: ...\n",
            r"transforms \['lag'\] exist already",
        ),
    ],
)
def test_own_transforms_that_cannot_be_used(tmp_path: Path, own: str, problem: str) -> None:
    with pytest.raises(PortfolioError, match=rf"features\.py: {problem}"):
        portfolio(tmp_path, months(1, 1), own=own)


def test_a_good_portfolio_passes(tmp_path: Path) -> None:
    check_spec(portfolio(tmp_path, months(1, 1)))


def test_a_portfolio_that_is_not_there(tmp_path: Path) -> None:
    portfolio(tmp_path, months(1, 1))
    with pytest.raises(PortfolioError, match=r"no portfolio 'cars' .* found loans; make one with"):
        open_portfolio(tmp_path, "cars")


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def tables(data): return 1 / 0", r"tables\(\) failed on .*ZeroDivisionError"),
        ("def tables(data): return []", r"tables\(\) must return a dict of Polars data frames, found list"),
        ("x = 1", "expected a function `tables"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, code: str, problem: str) -> None:
    from features.portfolio import read_tables

    loans = portfolio(tmp_path, months(1, 1))
    (loans.folder / "tables.py").write_text(code)
    with pytest.raises(PortfolioError, match=rf"tables\.py: {problem}"):
        read_tables(loans)


def test_a_text_that_is_read_twice_is_read_anew_for_each() -> None:
    first, second = spec(), spec()
    written = first.views["protected"].features["age_band"].arguments["edges"]
    written.append(99)
    assert second.views["protected"].features["age_band"].arguments["edges"] == [25, 65]
    assert spec().views["protected"].features["age_band"].arguments["edges"] == [25, 65]
