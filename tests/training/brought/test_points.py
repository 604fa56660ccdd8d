"""A points scorecard is served as the CatBoost model it is exactly; what is wrong with one is named by its line."""

import itertools
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, assume, given, note, settings
from hypothesis import strategies as st

from serving.decide import frame_rows
from serving.scoring import check_inputs, explained, load_model
from tests.serving.lender import policy
from tests.training.brought.cards import HEADER, SPEC, brought
from tests.training.made_up import frame, spec
from training.boosted import load_boosted
from training.brought.model import BroughtError
from training.brought.points import CategoryPoints, NumberPoints
from training.brought.points_file import read_points
from training.brought.reading import take
from training.inputs import MISSING
from training.score import Calibration

points = st.floats(-80, 80).map(lambda value: round(value, 3))
edges = st.lists(
    st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, 0.1, -0.1, 1e-40, 3e38]), max_size=6, unique_by=np.float32
)
words = st.lists(st.sampled_from(["baker", "miner", "clerk", "贷款", "a, b", 'say "x"']), max_size=4, unique=True)
scales = st.none() | st.tuples(st.floats(5, 60) | st.floats(-60, -5), st.floats(0, 800), st.floats(0.02, 60))


@st.composite
def cards(draw: st.DrawFn) -> str:
    """The text of a card on debt, income and trade, its rows in any order."""
    rows: list[tuple[object, ...]] = [("(base)", "", "", "", draw(points))]
    if scale := draw(scales):
        names = ("(points_to_double_odds)", "(anchor_points)", "(anchor_odds)")
        rows += [(name, "", "", "", value) for name, value in zip(names, scale, strict=True)]
    for name in ("debt", "income"):
        bounds = ["", *(repr(float(edge)) for edge in sorted(draw(edges))), ""]
        rows += [(name, low, high, "", draw(points)) for low, high in itertools.pairwise(bounds)]
        rows.append((name, "", "", MISSING, draw(points)))
    rows += [("trade", "", "", word, draw(points)) for word in (*draw(words), MISSING)]
    rows.append(("trade", "", "", "(other)", float(rows[-1][-1]) + draw(st.floats(1, 9))))  # so that some tell apart
    frame = pl.DataFrame(draw(st.permutations(rows)), schema=HEADER.split(","), orient="row", strict=False)
    return frame.write_csv()


def drawn(card: str, seed: int) -> pl.DataFrame:
    """Rows on, beside and between the edges of a card, missing values and categories it does not list among them."""
    random = np.random.default_rng(seed)
    found, _ = read_points(card.encode())
    columns: dict[str, object] = {}
    for one in found.features:
        if isinstance(one, NumberPoints):
            at = np.array([*one.edges, 0.0, 3.4e38, -3.4e38], dtype=np.float32)
            near = np.concatenate([at, np.nextafter(at, np.float32(-9e37)), np.nextafter(at, np.float32(9e37)), at + 1])
            columns[one.name] = [None if random.random() < 0.1 else float(x) for x in random.choice(near, 200)]
        else:
            names = [*one.points, "never seen", "(other)", "miner", None]
            columns[one.name] = [names[place] for place in random.integers(0, len(names), 200)]
    return pl.DataFrame(columns, schema_overrides={"trade": pl.String}, strict=False)


@settings(max_examples=40, deadline=None, phases=[Phase.generate])
@given(cards(), st.integers(0, 1000), st.sampled_from(["risk", "propensity"]), st.booleans())
def test_what_is_served_is_the_sum_of_the_points(card: str, seed: int, kind: str, empty: bool) -> None:
    note(card)
    found, _ = read_points(card.encode())
    assume(np.ptp(found.attainable) > 1)
    model = take(Path("risk.csv"), card.encode(), brought(), spec(kind=kind), SPEC)
    rows = drawn(card, seed)
    constant, slope = found.log_odds(kind)
    expected = constant + slope * found.total(rows)
    cbm = model.weigh(rows.clear() if empty else rows)
    assert load_boosted(cbm, model.columns).log_odds(rows) == pytest.approx(expected, abs=1e-9)
    # And as the service has it, with every check that the service makes: for many rows and for one.
    loaded = load_model("risk", kind, "late", cbm, model.columns, Calibration(slope=0.7, intercept=0.1), policy())
    inputs = check_inputs(model.columns, frame_rows(rows, model.columns).values, rows.height).inputs
    assert loaded.score(inputs).log_odds == pytest.approx(0.7 * expected + 0.1, abs=1e-9)


def test_the_contribution_of_a_feature_is_its_points_above_the_average_of_the_population() -> None:
    card = f"{HEADER}\n(base),,,,5\ndebt,,1,,10\ndebt,1,,,-30\ndebt,,,(missing),0\n".encode()
    model = take(Path("risk.csv"), card, brought(), spec(), SPEC)
    population = pl.DataFrame({"debt": [0.0, 0.5, 0.9, 2.0]})  # on average 0 points
    _, table, splits = explained("risk", model.weigh(population), model.columns)
    _, slope = read_points(card)[0].log_odds("risk")
    assert splits is not None
    rows = np.array([[0.2], [1.0], [np.nan]], dtype=np.float32)
    leaves = np.array([splits.leaves(row) for row in rows])
    assert table.explain(leaves)[:, 0] == pytest.approx(slope * np.array([10.0, -30.0, 0.0]), abs=1e-8)


def test_without_a_scale_the_points_are_spread_over_plus_and_minus_four() -> None:
    card, _ = read_points(f"{HEADER}\n(base),,,,100\ndebt,,1,,10\ndebt,1,,,-30\ndebt,,,(missing),0\n".encode())
    constant, slope = card.log_odds("risk")
    assert (constant + slope * 110, constant + slope * 70) == pytest.approx((-4, 4))
    assert card.log_odds("propensity") == pytest.approx((-constant, -slope))


def test_a_stated_scale_is_kept() -> None:
    scale = "(points_to_double_odds),,,,20\n(anchor_points),,,,600\n(anchor_odds),,,,50\n"
    card, _ = read_points(f"{HEADER}\n(base),,,,600\n{scale}debt,,,,0\ndebt,,,(missing),-20\n".encode())
    constant, slope = card.log_odds("risk")
    assert constant + slope * 600 == pytest.approx(-np.log(50))
    assert constant + slope * 580 == pytest.approx(-np.log(25))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("debt,,0.1,,1\ndebt,0.2,,,2\ndebt,,,(missing),0", "risk.csv:2: debt: no bin covers 0.1 to 0.2"),
        ("debt,,3,,1\ndebt,2,,,2\ndebt,,,(missing),0", "two bins cover 2 to 3, the one from -inf and the one from 2"),
        ("debt,0,,,1\ndebt,,,(missing),0", "no bin covers values under 0"),
        ("debt,,9,,1\ndebt,,,(missing),0", "no bin covers values from 9 on"),
        ("debt,,,,1", r"debt: no row says what a missing value is worth; add one with category \(missing\)"),
        ("trade,,,baker,1\ntrade,,,(missing),0", r"what a category that is not listed is worth; add .* \(other\)"),
        ("debt,,,,1\ndebt,,,x,1\ndebt,,,(missing),0", r"has bins of numbers and the categories \['x'\]"),
        ("debt,two,,,1", "risk.csv:2: from: found 'two'; expected a number, or nothing for no bound"),
        ("debt,,,,many", "risk.csv:2: points: found 'many'; expected a number$"),
        ("debt,,,,nan", "points: found 'nan'; expected a number"),
        ("debt,,1e39,,1", "to: found '1e39'"),
        ("debt,2,2,,1", "the bin is empty: from 2 to 2"),
        ("debt,0,1,x,1", "debt has both a category and from or to"),
        ("trade,,,x,1\ntrade,,,x,2", "risk.csv:3: category: trade has 'x' in an earlier row too"),
        (",,,,1", r"2: feature: is empty; expected the name of a feature, or \(base\)"),
        ("(bias),,,,1", r"found '\(bias\)'; expected a feature, or one of \(base\)"),
        ("(base),,,,1\n(base),,,,2", r"risk.csv:3: feature: \(base\) is stated twice"),
        ("debt,,,,1,9", "risk.csv:2: found 6 fields, expected 5"),
        ("(base),,,,1", "no feature has points"),
        ("(anchor_points),,,,600", r"\(anchor_points\) without \(points_to_double_odds\), \(anchor_odds\)"),
        ("(points_to_double_odds),,,,0\n(anchor_points),,,,6\n(anchor_odds),,,,5", "expected points other than 0"),
        ("debt,,,,1\ndebt,,,(missing),1", "every bin of a feature has the same points"),
        ("height,,,,1\nheight,,,(missing),0", "2: input 'height': the portfolio has no feature 'height'"),
        ("trade,,,,1\ntrade,,,(missing),0", "reads it as a number, and feature 'trade' is a category"),
        ("sex,,,f,1\nsex,,,(missing),0\nsex,,,(other),0", "'sex' may not be used: .*permits only"),
        ("spare,,,,1\nspare,,,(missing),0", "is in view 'v' but not in service 'risk'; add it there"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(rows: str, said: str) -> None:
    with pytest.raises(BroughtError, match=said):
        take(Path("risk.csv"), f"{HEADER}\n{rows}\n".encode(), brought(), spec(), SPEC)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"1: found the columns \[\]"),
        (b"feature,score\n", "expected some of feature,from,to,category,points"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b'feature,points\n"x,1\n', "is not CSV"),
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(BroughtError, match=said):
        read_points(content)


def test_every_fault_is_said_at_once() -> None:
    with pytest.raises(BroughtError) as caught:
        take(Path("r.csv"), f"{HEADER}\ndebt,a,,,1\ndebt,,,,x\ntrade,,,b,1\n".encode(), brought(), spec(), SPEC)
    assert len(str(caught.value).splitlines()) == 6


def test_names_are_mapped_and_parts_of_the_service_may_be_left_unread() -> None:
    card = f"{HEADER}\nOwing,,,,1\nOwing,,,(missing),0\n".encode()
    model = take(Path("risk.csv"), card, brought(names={"Owing": "debt"}), spec(), SPEC)
    assert [column.name for column in model.columns] == ["debt"]
    assert "2 features of the service are not read by it: income, trade" in model.origin.notes
    with pytest.raises(BroughtError, match="names: the file has no input 'Owed'"):
        take(Path("risk.csv"), card, brought(names={"Owing": "debt", "Owed": "debt"}), spec(), SPEC)


def test_a_card_has_numbers_before_categories() -> None:
    card = f"{HEADER}\ntrade,,,(other),1\ntrade,,,(missing),0\ndebt,,,,1\ndebt,,,(missing),0\n".encode()
    found, _ = read_points(card)
    assert [type(one) for one in found.features] == [NumberPoints, CategoryPoints]


@pytest.mark.parametrize("also", [["income"], ["trade"], ["income", "trade"]])
def test_what_rules_look_at_is_an_input_without_effect(also: list[str]) -> None:
    card = f"{HEADER}\ndebt,,0,,1\ndebt,0,,,5\ndebt,,,(missing),0\n".encode()
    plain = take(Path("risk.csv"), card, brought(), spec(), SPEC)
    model = take(Path("risk.csv"), card, brought(), spec(), SPEC, also)
    assert [column.name for column in model.columns] == ["debt", *also]
    rows = frame(rows=20)
    scores = [load_boosted(one.weigh(rows), one.columns).log_odds(rows).tolist() for one in (plain, model)]
    assert scores[0] == scores[1]
    _, table, _ = explained("risk", model.weigh(rows), model.columns)
    assert not table.rows[:, 1:].any()
