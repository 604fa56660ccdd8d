import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.rules import Kind, RuleError, check_kinds, names_in, parse
from serving.rules.batch import TYPES, expression
from serving.rules.rule import Rule, fault_in
from serving.rules.scalar import compiled
from serving.rules.syntax import Among, Arithmetic, Comparison, Joined, Literally, Missing, Name, Negative, Not

KINDS: dict[str, Kind] = {
    "request.amount": "number",
    "feature.late": "number",
    "request.purpose": "text",
    "context.paused": "boolean",
    "context.business_date": "date",
}
SUBJECTS = {
    kind: [name for name, one in KINDS.items() if one == kind] for kind in ("number", "text", "boolean", "date")
}


def truth(text, **row):
    return compiled(parse(text))({name.replace("_", ".", 1): value for name, value in row.items()})


@pytest.mark.parametrize(
    ("text", "row", "expected"),
    [
        ("feature.late >= 4 and request.amount > 2 * 1_000", {"feature_late": 4.0, "request_amount": 2001.0}, True),
        ("feature.late >= 4 and request.amount > 2 * 1000", {"feature_late": 4.0, "request_amount": 2000.0}, False),
        ("1 + 2 * feature.late == 7", {"feature_late": 3.0}, True),
        ("8 - 2 - feature.late == 3", {"feature_late": 3.0}, True),
        ("8 / 2 / feature.late == 4", {"feature_late": 1.0}, True),
        ("not feature.late > 3 or feature.late == 5", {"feature_late": 5.0}, True),
        ("feature.late between 1 + 1 and 4 and request.amount > 0", {"feature_late": 4.0, "request_amount": 1.0}, True),
        ("request.purpose in ['car', \"home\"]", {"request_purpose": "home"}, True),
        ("request.purpose not in ['car', 'home']", {"request_purpose": "home"}, False),
        ("feature.late in [-1, 2]", {"feature_late": -1.0}, True),
        ("context.business_date >= 2026-01-31", {"context_business_date": date(2026, 1, 31)}, True),
        ("context.paused == false", {"context_paused": False}, True),
        ("-feature.late < -1", {"feature_late": 2.0}, True),
        ("feature.late > 3", {"feature_late": None}, None),
        ("not feature.late > 3", {"feature_late": None}, None),
        ("feature.late > 3 or request.amount > 5", {"feature_late": None, "request_amount": 6.0}, True),
        ("feature.late > 3 and request.amount > 5", {"feature_late": None, "request_amount": 1.0}, False),
        ("feature.late is missing", {"feature_late": None}, True),
        ("feature.late is not missing", {}, False),
        ("1 / feature.late > 3", {"feature_late": 0.0}, None),
        ("1e308 * feature.late > 3", {"feature_late": 1e10}, None),
    ],
)
def test_a_rule_says_what_it_reads_like(text, row, expected):
    assert truth(text, **row) is expected


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("feature.late >", 15, "found the end of the rule; expected a name"),
        ("feature.late = 3", 14, "found '='; expected '=='"),
        ("feature.late > 3 request.amount > 1", 18, "found 'request.amount'; expected and, or"),
        ("1 < feature.late < 3", 18, "to compare twice use `between`"),
        ("feature.late in 3", 17, "found '3'; expected '['"),
        ("feature.late in [request.amount]", 18, "only written values"),
        ("request.purpose == 'car", 20, "text begins here"),
        ("context.business_date > 2026-02-30", 25, "which is no day"),
        ("feature.late > 12abc", 16, "expected a number such as"),
        ("feature.late > 1_", 16, "expected a number such as"),
        ("feature.late > 1e999", 16, "ordinary size"),
        ("feature.late ; 3", 14, "found ';'"),
        ("(" * 40 + "feature.late > 1" + ")" * 40, 34, "nested more than 32"),
        ("not " * 5000 + "context.paused", 2001, "expected up to 2,000"),
        (" + ".join(["1"] * 101) + " > feature.late", 1, "expected up to 200"),
        ("feature.lat > 1", 1, "did you mean 'feature.late'? known: feature.late"),
        ("feature.late > 'x'", 14, "compares a number with a text"),
        ("request.purpose < 'x'", 17, "for a text use == != or in"),
        ("request.purpose in ['a', 3]", 26, "3.0 is a number; expected a text"),
        ("feature.late + request.purpose > 1", 16, "'request.purpose' is a text; '+' expects a number"),
        ("feature.late and context.paused", 1, "is a number; and expects a condition"),
        ("feature.late", 1, "the whole is a number; expected a condition"),
        ("1 < 2", 1, "looks at nothing"),
    ],
)
def test_a_fault_is_told_with_its_column_and_what_was_expected(text, column, problem):
    with pytest.raises(RuleError) as caught:
        check_kinds(parse(text), "boolean", KINDS)
    assert caught.value.column == column
    assert problem in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="feature.lt >=<!()[]'\"andorisx0123456789-+*/,_ \n", max_size=40))
def test_whatever_is_written_is_parsed_or_refused(text):
    assert fault_in(text, "boolean", KINDS) is None or "column" in fault_in(text, "boolean", KINDS)


constant = st.floats(-1e3, 1e3).map(lambda value: Literally(value, 1))
number = st.recursive(
    st.one_of(st.sampled_from(SUBJECTS["number"]).map(lambda name: Name(name, 1)), constant),
    lambda below: st.one_of(
        st.builds(Arithmetic, st.sampled_from("+-*/"), below, below, st.just(1)), st.builds(Negative, below, st.just(1))
    ),
    max_leaves=4,
)
word = st.sampled_from(["car", "home", ""])
texts = st.builds(
    Among, st.just(Name("request.purpose", 1)), st.lists(word.map(lambda w: Literally(w, 1)), min_size=1).map(tuple),
    st.just(1),
)  # fmt: skip
days = st.builds(
    Comparison,
    st.sampled_from(["==", "!=", "<", "<=", ">", ">="]),
    st.just(Name("context.business_date", 1)),
    st.dates(date(2020, 1, 1), date(2020, 1, 5)).map(lambda day: Literally(day, 1)),
    st.just(1),
)
compared = st.builds(Comparison, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), number, number, st.just(1))
condition = st.recursive(
    st.one_of(compared, texts, days, st.just(Name("context.paused", 1)), st.builds(Missing, number, st.just(1))),
    lambda below: st.one_of(
        st.builds(Joined, st.sampled_from(["and", "or"]), below, below, st.just(1)),
        st.builds(Not, below, st.just(1)),
    ),
    max_leaves=6,
)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = {
    "number": st.one_of(st.none(), finite, st.sampled_from([0.0, -0.0, 1.0, 1e308, -1e308, 5e-324])),
    "text": st.one_of(st.none(), word),
    "boolean": st.one_of(st.none(), st.booleans()),
    "date": st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2020, 1, 5))),
}
rows = st.lists(st.fixed_dictionaries({name: values[kind] for name, kind in KINDS.items()}), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(tree=condition, drawn=rows)
def test_both_evaluators_agree_on_whatever_tree_and_rows(tree, drawn):
    frame = pl.DataFrame(drawn, schema={name: TYPES[kind] for name, kind in KINDS.items()})
    together = frame.with_columns(value=expression(tree))["value"].to_list()
    assert together == [compiled(tree)(row) for row in drawn]
    assert all(value in (True, False, None) for value in together)


@settings(max_examples=300, deadline=None)
@given(tree=number, drawn=rows)
def test_both_evaluators_agree_on_numbers_which_are_finite_or_missing(tree, drawn):
    frame = pl.DataFrame(drawn, schema={name: TYPES[kind] for name, kind in KINDS.items()})
    together = frame.with_columns(value=expression(tree))["value"].to_list()
    alone = [compiled(tree)(row) for row in drawn]
    assert together == alone
    assert all(value is None or math.isfinite(value) for value in alone)


def test_dividing_by_a_written_number_is_the_same_to_the_last_bit():
    tree = Arithmetic("/", Name("request.amount", 1), Literally(2.4032913834148103e-247, 1), 1)
    frame = pl.DataFrame({"request.amount": [5.0, 7.0]})
    assert frame.select(expression(tree)).to_series().to_list() == [
        compiled(tree)({"request.amount": amount}) for amount in (5.0, 7.0)
    ]


def test_a_rule_holds_in_its_period_and_always_on_an_unknown_day():
    rule = Rule(
        id="R", when="feature.late > 1", outcome="review", en="x", zh="x",
        first_day=date(2026, 1, 1), last_day=date(2026, 1, 31),
    )  # fmt: skip
    assert [rule.holds_on(day) for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31))] == [
        False,
        True,
        True,
    ]
    assert not rule.holds_on(date(2026, 2, 1))
    assert rule.holds_on(None)
    with pytest.raises(ValueError, match="is before first_day"):
        Rule(**{**rule.model_dump(), "last_day": date(2025, 1, 1)})


def test_names_are_listed_once():
    assert names_in(parse("feature.late > 1 or feature.late < request.amount")) == ("feature.late", "request.amount")
