"""Random points scorecards and random rows, as text and as frames."""

from features.documents import parse_document
from features.spec import FeatureSpec
from training.spec import Brought

FEATURES = """
entity: {name: loan, key: loan_id, type: int, meaning: a loan}
tables:
  loans:
    meaning: loans
    columns:
      debt: {type: float, meaning: debt, uses: [credit], nullable: true}
      income: {type: float, meaning: income, uses: [credit]}
      trade: {type: category, meaning: trade, uses: [credit], nullable: true}
      sex: {type: category, meaning: sex, uses: [fairness]}
  outcomes: {meaning: outcomes, columns: {late: {type: bool, meaning: late, uses: []}}}
views:
  v:
    table: loans
    freshness: 60
    features:
      debt: {transform: value, column: debt}
      income: {transform: value, column: income}
      trade: {transform: category, column: trade}
      spare: {transform: value, column: income}
      sex: {transform: category, column: sex}
services:
  risk: {use: credit, views: {v: [debt, income, trade]}}
  groups: {use: fairness, views: {v: [sex]}}
"""
SPEC = parse_document(FEATURES, FeatureSpec, "features.yaml")
HEADER = "feature,from,to,category,points"


def brought(name: str = "risk.csv", **changes: object) -> Brought:
    """What models.yaml would say of a file."""
    return Brought.model_validate({"file": name, "sha256": "0" * 64, "by": "ana"} | changes)
