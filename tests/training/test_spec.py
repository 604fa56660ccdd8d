from pathlib import Path

import pytest

from features.documents import DocumentError, parse_document
from features.portfolio import Portfolio, open_portfolio
from training.spec import ModelsSpec, Recorded, Within, read_models

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"

MODEL = """\
models:
  risk:
    kind: risk
    meaning: late
    service: risk
    groups: groups
    observations: statements
    label: {kind: within, table: statements, column: pay_status, at_least: 2}
    monotone: {status: 1}
"""


@pytest.fixture(scope="module")
def cards() -> Portfolio:
    return open_portfolio(PORTFOLIOS, "taiwan_cards")


def parse(text: str, portfolio: Portfolio) -> ModelsSpec:
    return parse_document(text, ModelsSpec, "models.yaml", context=portfolio.features)


@pytest.mark.parametrize("name", ["taiwan_cards", "bank_deposits"])
def test_the_shipped_models_fit_their_features(name: str) -> None:
    portfolio = open_portfolio(PORTFOLIOS, name)
    assert len(read_models(portfolio.folder / "models.yaml", portfolio.features).models) == 1


def test_the_kind_tells_labels_apart(cards: Portfolio) -> None:
    assert isinstance(parse(MODEL, cards).models["risk"].label, Within)
    recorded = MODEL.replace(
        "{kind: within, table: statements, column: pay_status, at_least: 2}",
        "{kind: recorded, table: official_outcomes, column: defaulted}",
    )
    assert isinstance(parse(recorded, cards).models["risk"].label, Recorded)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("service: risk", "service: rsik", r"models\.yaml:2: models\.risk: .*service: 'rsik' is not a service"),
        ("groups: groups", "groups: risk", "groups: service 'risk' has use credit, not fairness"),
        ("observations: statements", "observations: bills", "observations: 'bills' is not a table"),
        ("column: pay_status", "column: pay", r"label\.column: table 'statements' has no 'pay'"),
        ("status: 1", "sex: 1", "monotone: 'sex' is not a feature of service 'risk'"),
        (
            "{status: 1}",
            "{status: 1}\n    estimator: {task_type: GPU}",
            r"models\.yaml:2: models\.risk: .*monotone: found status with task_type: GPU, where CatBoost knows no such",
        ),
        ("status: 1", "status: 2", r"models\.yaml:9: models\.risk\.monotone\.status"),
        ("at_least: 2", "at_last: 2", r"models\.yaml:8: models\.risk\.label\.within\.at_last"),
        ("kind: within", "kind: whithin", r"models\.yaml:8: models\.risk\.label.*'within', 'recorded'"),
        ("meaning: late", "meaning: late\n    windows: []", r"models\.yaml:5: models\.risk\.windows"),
    ],
)
def test_faults_name_line_and_key(cards: Portfolio, old: str, new: str, said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        parse(MODEL.replace(old, new), cards)


def test_a_category_cannot_be_constrained() -> None:
    deposits = open_portfolio(PORTFOLIOS, "bank_deposits")
    text = (deposits.folder / "models.yaml").read_text(encoding="utf-8")
    with pytest.raises(DocumentError, match="monotone: 'job' is a category; only a number can be constrained"):
        parse(text.replace("    groups: groups", "    groups: groups\n    monotone: {job: 1}"), deposits)


def test_without_features_only_the_file_itself_is_checked() -> None:
    assert parse_document(MODEL.replace("service: risk", "service: other"), ModelsSpec, "models.yaml").models
