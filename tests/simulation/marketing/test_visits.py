"""App events: sessions, the funnel to an application, and complaints."""

import polars as pl

from tests.simulation.lures import lured


def test_the_funnel_narrows() -> None:
    counts = dict(lured().rows("app_events").cast({"event": pl.String}).group_by("event").len().iter_rows())
    assert counts["open"] > counts["view_offer"] > counts["start_form"] > counts["submit_form"] > 0
    assert counts["start_form"] == counts["abandon"] + counts["submit_form"]
    assert counts["sign"] == counts["view_contract"]


def test_ids_are_unique_and_applications_sent_when_they_were() -> None:
    events = lured().rows("app_events")
    assert events["event_id"].n_unique() == len(events)
    sent = events.filter(pl.col("event").cast(pl.String) == "submit_form")
    both = sent.join(lured().rows("applications"), left_on="item_id", right_on="application_id", suffix="_form")
    assert len(both) == len(sent)
    assert (both["event_timestamp"] == both["event_timestamp_form"]).all()
    assert set(both["channel"].cast(pl.String)) == {"app"}


def test_steps_are_taken_by_those_signed_in() -> None:
    events, logins = lured().rows("app_events"), lured().rows("logins")
    good = logins.filter(pl.col("result").cast(pl.String) == "success")
    along = events.filter(pl.col("event").cast(pl.String).is_in(["submit_form", "sign"]))["session_id"]
    visits = events.filter(~pl.col("session_id").is_in(along.implode()))
    assert len(set(visits["session_id"])) > 500
    assert set(visits["session_id"]) <= set(good["login_id"])
    assert logins["login_id"].n_unique() == len(logins)


def test_victims_complain_of_fraud() -> None:
    found = lured().rows("complaints").cast({"about": pl.String})
    victims = lured().rows("true_fraud").filter(pl.col("pattern").cast(pl.String) == "account_takeover")
    fraud = found.filter(pl.col("about") == "fraud")
    assert len(fraud) > 5
    assert fraud.join(victims, on="customer_id", how="semi").height > 0.8 * len(fraud)
    assert found["text"].str.len_chars().min() > 10
    assert found["complaint_id"].n_unique() == len(found)
