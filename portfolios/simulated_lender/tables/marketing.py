"""Marketing: contacts as they were sent, whether the customer applied, and both by month."""

from datetime import timedelta

import polars as pl

from .months import Frames, Source, Summaries, Version, accounted
from .raw import CLOCKS, CREATED, CUSTOMER, EVENT, Period, Raw, Schema, at, current

WINDOW = timedelta(days=14)
"""How long after a contact a response counts as one to it."""
CONTACTS: Schema = {
    "contact_id": pl.Int64, CUSTOMER: pl.Int64, "campaign_id": pl.Int64, "channel": pl.String, "offer": pl.String,
    "cost": pl.Float64, "delivered": pl.Boolean, "held_out": pl.Boolean, "refused": pl.Boolean,
}  # fmt: skip
CHANNELS = ("push", "sms", "email", "call", "adviser", "in_app")
SENT = Source(
    {
        "contact_id": pl.Int64,
        "channel": pl.String,
        "delivered": pl.Boolean,
        "held_out": pl.Boolean,
        "refused": pl.Boolean,
    },
    ("contact_id",),
)
MADE = ~pl.any_horizontal(pl.col("held_out", "refused").fill_null(False))
ANSWERED = Source({"contact_id": pl.Int64, "response": pl.String}, ("contact_id", "response"))


class Contacts:
    """Contacts as they were sent and whether the customer applied, month after month."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._events = pl.DataFrame(schema={"contact_id": pl.Int64, "event": CLOCKS[EVENT]})
        self._open = pl.DataFrame(schema={CUSTOMER: pl.Int64, "contact_id": pl.Int64, EVENT: CLOCKS[EVENT]})
        sent = raw.read("applications", {CUSTOMER: pl.Int64})
        self._applications = sent.select(CUSTOMER, applied=EVENT, landed=CREATED)

    def of(self, period: Period) -> pl.DataFrame:
        """A row for each version of a contact that landed, dated to when the lender's system first had it.

        Who was held out for comparison, or contacted as often as the rules allow, was not contacted and has no row.
        """
        landed = self._raw.landed("contacts", CONTACTS, period)
        rows = landed.filter(MADE).drop("held_out", "refused")
        new = rows.join(self._events, on="contact_id", how="anti", maintain_order="left")
        once = new.unique("contact_id", keep="first", maintain_order=True)
        first = new.group_by("contact_id").agg(first=pl.col(CREATED).min())
        # Of two contacts at one instant each keeps a moment of its own.
        place = pl.col("contact_id").rank("dense").over(CUSTOMER, "first") - 1
        dated = once.join(first, on="contact_id", maintain_order="left").with_columns(
            event=pl.col("first") + pl.duration(microseconds=place)
        )
        self._events = pl.concat([self._events, dated.select("contact_id", "event")])
        opened = dated.filter(pl.col("delivered")).select(CUSTOMER, "contact_id", pl.col("event").alias(EVENT))
        self._open = pl.concat([self._open, opened])
        whole = rows.join(self._events, on="contact_id", maintain_order="left")
        known = pl.max_horizontal("event", CREATED)
        return whole.with_columns(pl.col("event").alias(EVENT), known.alias(CREATED)).drop("event")

    def answered(self, period: Period) -> pl.DataFrame:
        """Whether the customer applied within the window after a contact that arrived, known at its end.

        By whatever way they came: an answer that the campaign was credited with is a part of these only.
        """
        ends = pl.col(EVENT) + WINDOW
        over = self._open.filter(ends < at(period.end)).with_columns(end=ends)
        self._open = self._open.filter(ends >= at(period.end))
        # One that landed after the window is none: the label must not change once it is known.
        answered = over.join(self._applications, on=CUSTOMER).filter(
            pl.col("applied") > pl.col(EVENT), pl.col("applied") <= pl.col("end"), pl.col("landed") <= pl.col("end")
        )
        return over.select(
            CUSTOMER, "contact_id", responded=pl.col("contact_id").is_in(answered["contact_id"].implode()),
            observed_timestamp=EVENT, event_timestamp="end", created_timestamp="end",
        )  # fmt: skip


def contacted(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """How often a customer was contacted in a month, and what they did; zeros for one who was left alone."""
    sources = {"contacts": SENT, "responses": ANSWERED}
    return Summaries(raw, sources, roster, _month, pl.exclude(CUSTOMER, "^.*_timestamp$"))


def _month(frames: Frames, version: Version) -> pl.DataFrame:
    sent = current(frames["contacts"], "contact_id").filter(MADE)
    answers, said = current(frames["responses"], "contact_id", "response"), pl.col("response")
    made = sent.group_by(CUSTOMER).agg(
        contacts=pl.len(),
        contacts_delivered=pl.col("delivered").sum(),
        **{f"by_{channel}": (pl.col("channel") == channel).sum() for channel in CHANNELS},
    )
    done = answers.group_by(CUSTOMER).agg(
        **{answer: (said == answer).sum() for answer in ("opened", "clicked", "applied", "unsubscribed", "complained")}
    )
    told = accounted(frames["responses"], answers, said.is_not_null()).join(done, on=CUSTOMER)
    return made.join(told, on=CUSTOMER, how="full", coalesce=True)
