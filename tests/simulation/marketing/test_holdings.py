"""Other products: everyone has a current account, what is open can be closed, a contact can sell a bundle."""

import polars as pl

from tests.simulation.lures import lured


def test_everyone_has_a_current_account_once() -> None:
    rows = lured().rows("holdings").filter(pl.col("product").cast(pl.String) == "current_account")
    assert len(rows) == rows["customer_id"].n_unique() == lured().rows("true_people").height
    assert (rows["change"].cast(pl.String) == "opened").all()


def test_what_is_closed_was_open() -> None:
    rows = lured().rows("holdings").sort("customer_id", "product", "event_timestamp")
    change = rows["change"].cast(pl.String)
    before = rows.select(pl.col("change").cast(pl.String).shift(1).over("customer_id", "product")).to_series()
    assert (change == "closed").sum() > 0
    assert (before.filter(change == "closed") == "opened").all()
    assert (before.filter(change == "opened").fill_null("closed") == "closed").all()


def test_bundles_come_from_contacts() -> None:
    bundles = lured().rows("holdings").filter(pl.col("bundle_id") > 0)
    contacts = lured().rows("contacts").join(bundles, left_on="contact_id", right_on="bundle_id", how="semi")
    assert len(contacts) == bundles["bundle_id"].n_unique() > 5
    assert set(contacts["offer"].cast(pl.String)) == {"wealth_bundle"}
