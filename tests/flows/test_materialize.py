from pathlib import Path

from features.portfolio import open_portfolio
from flows.materialize import needed_services

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"


def test_views_that_only_the_champion_reads_are_kept_fresh() -> None:
    spec = open_portfolio(PORTFOLIOS, "bank_deposits").features
    assert needed_services(spec, ["propensity"], {"contact_history"}) == ["propensity"]
    assert needed_services(spec, ["propensity"], {"contact_history", "protected"}) == ["propensity", "groups"]
