"""Permitted uses: every way we could think of to get a forbidden column into a model is refused."""

from pathlib import Path

import pytest

from features.build import compute
from features.check import check_spec, made_up_rows
from features.documents import DocumentError
from features.permitted import FeatureColumn, ForbiddenUse, feature_uses, guard, select
from features.portfolio import open_portfolio
from features.spec import EVENT, USES, Service
from tests.features.small import KEY, SPEC, months, portfolio, spec

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"


def smuggling(feature: str, chosen: str = "all") -> str:
    """The made-up portfolio with one more feature in the view that the credit service reads."""
    text = SPEC.replace("      amount_1:", f"      smuggled: {feature}\n      amount_1:")
    return text.replace("behaviour: all", f"behaviour: {chosen}")


def test_the_columns_of_a_service_in_the_order_of_the_file() -> None:
    assert select(spec(), "risk") == [
        FeatureColumn("amount", "behaviour", "float", 40),
        FeatureColumn("amount_1", "behaviour", "float", 40),
        FeatureColumn("paid_share", "behaviour", "float", 40),
        FeatureColumn("channel", "behaviour", "category", 40),
    ]
    assert [column.name for column in select(spec(), "offers")] == ["amount", "channel"]


def test_the_uses_of_a_feature_are_those_all_its_columns_permit() -> None:
    assert feature_uses(spec(), "behaviour", "amount") == {"credit", "marketing"}
    assert feature_uses(spec(), "behaviour", "paid_share") == {"credit"}
    assert feature_uses(spec(), "protected", "age_band") == {"fairness"}
    assert feature_uses(spec(smuggling("{transform: month}")), "behaviour", "smuggled") == USES


@pytest.mark.parametrize("chosen", ["all", "[smuggled]"])
@pytest.mark.parametrize(
    "feature",
    [
        "{transform: value, column: age}",
        "{transform: is_missing, column: age}",
        "{transform: lag, column: age}",
        "{transform: band, column: age, edges: [30]}",
        "{transform: ratio, numerator: due, denominator: age}",
        "{transform: ratio, numerator: age, denominator: due}",
        "{transform: trend, column: due, window: 3, scale: age}",
        "{transform: share_of_sum, column: due, others: [amount, age]}",
        "{transform: crowd_difference, column: age, days: 30}",
    ],
)
def test_a_protected_column_reaches_no_credit_model(feature: str, chosen: str) -> None:
    with pytest.raises(ForbiddenUse, match=r"'smuggled' reads 'age', which permits only \['fairness'\]"):
        select(spec(smuggling(feature, chosen)), "risk")


def test_a_column_of_no_use_reaches_none() -> None:
    forbidden = spec(smuggling("{transform: text_length, column: note}"))
    with pytest.raises(ForbiddenUse, match=r"'smuggled' reads 'note', which permits only nothing"):
        select(forbidden, "risk")
    assert feature_uses(forbidden, "behaviour", "smuggled") == frozenset()


def test_a_protected_view_is_not_for_credit() -> None:
    text = SPEC.replace("views: {behaviour: all}", "views: {behaviour: all, protected: all}")
    with pytest.raises(ForbiddenUse, match="age_band"):
        select(spec(text), "risk")


OWN = """
import polars as pl
from features.transforms.registry import NumberColumn, Registry, Rows

TRANSFORMS = Registry()

@TRANSFORMS.transform("own", reach="{reach}")
def own(rows: Rows, column: NumberColumn) -> pl.Expr:
    return {code}
"""
FEATURE = "{transform: own, column: due}"


@pytest.mark.parametrize("code", ["pl.col('age') * 1.0", "pl.col(column) + pl.col('age').fill_null(0)"])
def test_an_own_transform_cannot_name_a_column_it_does_not_declare(tmp_path: Path, code: str) -> None:
    loans = portfolio(tmp_path, months(1, 1), smuggling(FEATURE), OWN.format(reach="row", code=code))
    with pytest.raises(ForbiddenUse, match=r"transform 'own' reads \['age'\] without a parameter"):
        select(loans.features, "risk")
    with pytest.raises(DocumentError, match=r"features\.yaml:\d+: services\.risk: .*'own' reads \['age'\]"):
        check_spec(loans)


@pytest.mark.parametrize(
    "code",
    ["pl.sum_horizontal(pl.col('^(a|d).*$').cast(float))", "pl.sum_horizontal(pl.all().exclude('x').cast(float))"],
)
def test_an_own_transform_sees_no_other_column_by_wildcard(tmp_path: Path, code: str) -> None:
    """A wildcard finds what the frame holds, and the frame holds only what is declared."""
    loans = portfolio(tmp_path, months(1, 1), smuggling(FEATURE), OWN.format(reach="row", code=code))
    rows = made_up_rows(loans.features, "payments")
    elder = rows.with_columns(age=rows["age"] + 50)
    assert compute(loans.features, "behaviour", rows)["smuggled"].equals(
        compute(loans.features, "behaviour", elder)["smuggled"]
    )


@pytest.mark.parametrize(
    ("reach", "code", "fault"),
    [
        ("row", "rows.lagged(pl.col(column), 1)", "reads other rows: it must declare reach='entity'"),
        ("entity", "pl.col(column).mean()", "reads (later rows|other entities: it must declare reach='table')"),
        ("entity", "rows.history(pl.col(column).shift(-1))", "reads later rows"),
        ("table", "pl.col(column).max()", "reads (later rows|other rows of the same instant)"),
        ("table", "pl.col(column).mean().over(rows.event)", "reads other rows of the same instant"),
    ],
)
def test_an_own_transform_that_leaks_is_found(tmp_path: Path, reach: str, code: str, fault: str) -> None:
    loans = portfolio(tmp_path, months(1, 1), smuggling(FEATURE), OWN.format(reach=reach, code=code))
    with pytest.raises(
        DocumentError, match=rf"features\.yaml:\d+: views\.behaviour\.features\.smuggled: transform 'own' {fault}"
    ):
        check_spec(loans)


def test_an_honest_own_transform_is_taken(tmp_path: Path) -> None:
    code = "rows.history(pl.col(column).cum_max())"
    loans = portfolio(tmp_path, months(2, 3), smuggling(FEATURE), OWN.format(reach="entity", code=code))
    check_spec(loans)
    assert "smuggled" in [column.name for column in select(loans.features, "risk")]


def test_the_guard_of_a_frame() -> None:
    guard(spec(), "credit", ["amount", "paid_share"])
    for column, said in [
        ("age", "not a feature"),
        (KEY, "not a feature"),
        (EVENT, "not a feature"),
        ("label", "not a feature"),
    ]:
        with pytest.raises(ForbiddenUse, match=f"'{column}' is {said}"):
            guard(spec(), "credit", ["amount", column])
    with pytest.raises(ForbiddenUse, match="'age_band' reads 'age'"):
        guard(spec(), "credit", ["age_band"])
    with pytest.raises(ForbiddenUse, match="'paid_share' reads 'due'"):
        guard(spec(), "marketing", ["paid_share"])


def test_a_service_that_is_not_there() -> None:
    with pytest.raises(
        ForbiddenUse, match=r"no feature service 'pricing'; expected one of \['groups', 'offers', 'risk'\]"
    ):
        select(spec(), "pricing")


def test_the_real_portfolios_keep_what_they_must_out() -> None:
    cards, deposits = (open_portfolio(PORTFOLIOS, name).features for name in ("taiwan_cards", "bank_deposits"))
    for real, use, forbidden in [
        (cards, "credit", {"sex", "education", "marriage", "age"}),
        (deposits, "marketing", {"age", "marital", "education", "duration"}),
    ]:
        columns = {name: column for table in real.tables.values() for name, column in table.columns.items()}
        assert forbidden <= {name for name, column in columns.items() if use not in column.uses}
    text = (PORTFOLIOS / "bank_deposits" / "features.yaml").read_text()
    first = "      balance: {transform: value"
    for feature, problem in [
        ("{transform: log, column: duration}", "'smuggled' reads 'duration', which permits only nothing"),
        ("{transform: value, column: converted}", "no column 'converted' in the table"),
    ]:
        long = spec(text.replace(first, f"      smuggled: {feature}\n{first}"))
        service = Service(use="marketing", views={"contact_history": ("smuggled",)})
        with pytest.raises(ValueError, match=problem):
            select(long.model_copy(update={"services": {"propensity": service}}), "propensity")
