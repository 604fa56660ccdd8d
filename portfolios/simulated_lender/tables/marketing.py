"""Marketing: contacts as they were sent, whether the customer applied, and both by month."""

from datetime import timedelta

import polars as pl

from .months import Frames, Source, Version, by_month
from .raw import CREATED, CUSTOMER, EVENT, Raw, Schema, at, current

WINDOW = timedelta(days=14)
"""How long after a contact a response counts as one to it."""
CONTACTS: Schema = {
    "contact_id": pl.Int64, CUSTOMER: pl.Int64, "campaign_id": pl.Int64, "channel": pl.String, "offer": pl.String,
    "cost": pl.Float64, "delivered": pl.Boolean, "held_out": pl.Boolean,
}  # fmt: skip
CHANNELS = ("push", "sms", "email", "call", "adviser", "in_app")
SENT = Source(
    {"contact_id": pl.Int64, "channel": pl.String, "delivered": pl.Boolean, "held_out": pl.Boolean},
    ("contact_id",),
)
ANSWERED = Source({"contact_id": pl.Int64, "response": pl.String}, ("contact_id", "response"))


def contacts(raw: Raw) -> pl.DataFrame:
    """A row for each version of a contact, dated to when the lender's system first had it.

    Who was held out for comparison was not contacted, and has no row.
    """
    rows = raw.read("contacts", CONTACTS).filter(~pl.col("held_out").fill_null(False)).drop("held_out")
    first = pl.col(CREATED).min().over("contact_id")
    # Of two contacts at one instant each keeps a moment of its own.
    event = first + pl.duration(microseconds=pl.col("contact_id").rank("dense").over(CUSTOMER, first) - 1)
    return rows.with_columns(event.alias(EVENT), pl.max_horizontal(event, CREATED).alias(CREATED))


def responses(raw: Raw, made: pl.DataFrame) -> pl.DataFrame:
    """Whether the customer applied within the window after a contact that arrived, known at its end.

    By whatever way they came: an answer that the campaign was credited with is a part of these only.
    """
    once = made.unique("contact_id", keep="first", maintain_order=True).filter(pl.col("delivered"))
    over = once.with_columns(end=pl.col(EVENT) + WINDOW).filter(pl.col("end") < at(raw.until))
    sent = raw.read("applications", {CUSTOMER: pl.Int64}).select(CUSTOMER, applied=EVENT, landed=CREATED)
    # One that landed after the window is none: the label must not change once it is known.
    answered = over.join(sent, on=CUSTOMER).filter(
        pl.col("applied") > pl.col(EVENT), pl.col("applied") <= pl.col("end"), pl.col("landed") <= pl.col("end")
    )
    return over.select(
        CUSTOMER, "contact_id", responded=pl.col("contact_id").is_in(answered["contact_id"].implode()),
        observed_timestamp=EVENT, event_timestamp="end", created_timestamp="end",
    )  # fmt: skip


def contacted(raw: Raw, roster: pl.DataFrame) -> pl.DataFrame:
    """How often a customer was contacted in a month, and what they did; zeros for one who was left alone."""
    rows = by_month(raw, {"contacts": SENT, "responses": ANSWERED}, roster, _month)
    return rows.with_columns(pl.exclude(CUSTOMER, "^.*_timestamp$").fill_null(0))


def _month(frames: Frames, version: Version) -> pl.DataFrame:
    sent = current(frames["contacts"], "contact_id").filter(~pl.col("held_out").fill_null(False))
    answers, said = current(frames["responses"], "contact_id", "response"), pl.col("response")
    made = sent.group_by(CUSTOMER).agg(
        contacts=pl.len(),
        contacts_delivered=pl.col("delivered").sum(),
        **{f"by_{channel}": (pl.col("channel") == channel).sum() for channel in CHANNELS},
    )
    done = answers.group_by(CUSTOMER).agg(
        **{answer: (said == answer).sum() for answer in ("opened", "clicked", "applied", "unsubscribed", "complained")}
    )
    return made.join(done, on=CUSTOMER, how="full", coalesce=True)
