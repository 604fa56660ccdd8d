"""Lending: applications with what was found out about them, the book by month, and what became of loans."""

from datetime import date, timedelta

import polars as pl

from .months import Frames, Source, Summaries, Version
from .raw import CREATED, CUSTOMER, EVENT, Period, Raw, Schema, at, current
from .running import Running, Standings

HORIZON = timedelta(days=180)
"""How long after its application a loan is watched."""
DEFAULTED = 60
"""Days past due from which it counts as defaulted."""
APPLICATIONS: Schema = {
    "application_id": pl.Int64, CUSTOMER: pl.Int64, "channel": pl.String, "partner_id": pl.Int64, "purpose": pl.String,
    "merchant_id": pl.Int64, "amount": pl.Float64, "term_months": pl.Int64, "stated_income": pl.Float64,
    "stated_instalments": pl.Float64, "device_id": pl.Int64, "ip_region": pl.Int64, "seconds_on_form": pl.Int64,
    "income_edits": pl.Int64, "read_terms": pl.Boolean, "address_id": pl.Int64, "payee_account": pl.Int64,
}  # fmt: skip
FOUND = (
    "bureau_score", "months_on_file", "open_accounts", "outside_debt", "outside_instalments", "card_utilisation",
    "enquiries_3m", "enquiries_12m", "late_30_24m", "late_90_24m", "months_since_late", "has_mortgage",
)  # fmt: skip
BUREAU: Schema = {
    "application_id": pl.Int64, CUSTOMER: pl.Int64, "found": pl.Boolean, **dict.fromkeys(FOUND, pl.Float64)
}  # fmt: skip
SIGNALS: Schema = {"application_id": pl.Int64, "check": pl.String, "score": pl.Float64, "passed": pl.Boolean}
CHECKS = ("liveness", "voice_print", "document", "device")
PURCHASES = ("ecommerce", "medical", "education")
"""Purposes that models read as one."""
LOANS: Schema = {
    "loan_id": pl.Int64, CUSTOMER: pl.Int64, "principal": pl.Float64, "rate": pl.Float64, "term_months": pl.Int64,
    "instalment": pl.Float64, "change": pl.String,
}  # fmt: skip
STATES = Source(
    {
        "loan_id": pl.Int64, "state": pl.String, "days_past_due": pl.Int64, "outstanding": pl.Float64,
        "overdue": pl.Float64, "changed": pl.Boolean,
    },
    ("loan_id", EVENT),
)  # fmt: skip
LIMITS: Schema = {CUSTOMER: pl.Int64, "limit": pl.Float64}
ASKED = Source({"application_id": pl.Int64}, ("application_id",))
OPENED = Source({"loan_id": pl.Int64}, ("loan_id",))
ENDED = ("closed", "written_off")
"""States in which a loan is no longer in the book."""
PAYMENTS = Source({"payment_id": pl.Int64, "kind": pl.String, "amount": pl.Float64}, ("payment_id",))
COLLECTIONS = Source({"loan_id": pl.Int64, "action": pl.String, "result": pl.String}, ("loan_id", EVENT))


def applications(raw: Raw) -> pl.DataFrame:
    """A row for each version of an application, as it was at the close of the day on which it first landed.

    A lender decides after that close, with the identity checks that had landed by then; a score that no vendor gives
    is none, and takes nothing from the application.
    """
    rows = _closed(raw.read("applications", APPLICATIONS))
    checks = raw.read("signals", SIGNALS).join(_days(rows), on="application_id")
    intime = current(checks.filter(pl.col(CREATED) <= pl.col("day_close")), "application_id", "check")
    sound = pl.when(pl.col("score").is_between(0, 1)).then("score")
    wide = intime.group_by("application_id").agg(
        *[sound.filter(pl.col("check") == one).first().alias(f"{one}_score") for one in CHECKS],
        checks_failed=(~pl.col("passed")).sum(),
    )
    return rows.join(wide, on="application_id", how="left", maintain_order="left").with_columns(
        # What tells of health is not to be told from the rest.
        purpose_group=pl.when(pl.col("purpose").is_in(PURCHASES)).then(pl.lit("purchase")).otherwise("purpose")
    )


def bureau(raw: Raw, asked: pl.DataFrame) -> pl.DataFrame:
    """A row for each version of a bureau's answer; one that came in time belongs to the close of its application.

    An answer that came on an earlier day has a row of that moment as well: it was known before the application was.
    """
    rows = raw.read("bureau", BUREAU).join(_days(asked), on="application_id", how="left", maintain_order="left")
    intime = pl.col(CREATED) <= pl.col("day_close")
    alone = rows.filter((intime & (pl.col(CREATED) >= pl.col("day_close").dt.truncate("1d"))).fill_null(False).not_())
    with_it = rows.filter(intime).with_columns(pl.col("day_close").alias(EVENT), pl.col("day_close").alias(CREATED))
    return pl.concat([alone.with_columns(pl.col(CREATED).alias(EVENT)), with_it]).drop("day_close")


def watched(raw: Raw, asked: pl.DataFrame) -> pl.DataFrame:
    """The loans of applications with the end of their horizon, at which their outcome is known.

    A loan paid out before its application landed is left out: by that event the lender had the loan in its book.
    """
    loans = current(raw.read("loans", LOANS), "loan_id").select(CUSTOMER, application_id="loan_id", opened=EVENT)
    paid = loans.join(_days(asked), on="application_id").filter(pl.col("opened") > pl.col("day_close"))
    return paid.with_columns((pl.col("day_close") + HORIZON).alias(CREATED))


def outcomes(raw: Raw, loans: pl.DataFrame, period: Period) -> pl.DataFrame:
    """What became of each loan whose horizon ended in a period; its application's event is the `observed_timestamp`.

    Known at the horizon's end for good and bad alike: else the months that are young would hold bad loans only.
    """
    over = period.known(loans).rename({CREATED: "end"})
    since = max(period.first, date.min + HORIZON) - HORIZON
    states = raw.scan("loan_states", {"loan_id": pl.Int64, "days_past_due": pl.Int64}, since, period.last).collect()
    worst = (
        over.join(states, left_on="application_id", right_on="loan_id")
        .filter(pl.col(CREATED) <= pl.col("end"))
        .group_by("application_id")
        .agg(worst_days_past_due=pl.col("days_past_due").max())
    )
    found = over.join(worst, on="application_id", how="left").with_columns(pl.col("worst_days_past_due").fill_null(0))
    return found.select(
        CUSTOMER, "application_id", "worst_days_past_due", observed_timestamp="day_close",
        defaulted=pl.col("worst_days_past_due") >= DEFAULTED,
        event_timestamp="end", created_timestamp="end",
    )  # fmt: skip


def book(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """What a customer owed at each month's end and paid during the month; zeros for one who borrowed nothing."""
    loans = Running(raw, "loans", LOANS)
    standings = Standings(raw, "loan_states", {CUSTOMER: pl.Int64, **STATES.columns}, "loan_id")
    # An amount that cannot be a limit says nothing of the one before.
    limits = Standings(raw, "limits", LIMITS, CUSTOMER, pl.col("limit") >= 0)
    sources = {
        "loans": OPENED, "loan_states": STATES, "payments": PAYMENTS, "collections": COLLECTIONS,
        "applications": ASKED,
    }  # fmt: skip

    def borrowed(frames: Frames, version: Version) -> pl.DataFrame:
        # A loan is told anew when its terms change, dated to its pay-out: what changed after the close is not of it.
        until_then = (pl.col("change") == "paid_out") | (pl.col(CREATED) <= at(version.close))
        lent = current(loans.at(version).filter(until_then), "loan_id").rename({EVENT: "opened"})
        owed = _owed(current(standings.at(version), *STATES.key), lent, version)
        return _borrowed(frames, lent, owed, current(limits.at(version), CUSTOMER, EVENT))

    nothing = ("highest_rate", "months_on_book", "credit_limit", "headroom")
    counted = pl.exclude(CUSTOMER, "^.*_timestamp$", *nothing)
    return Summaries(raw, sources, roster, borrowed, counted)


def live(whole: pl.DataFrame) -> pl.DataFrame:
    """The customers of the book whose loans are alive and not yet seriously late, as first drawn up."""
    first = whole.filter(pl.col(EVENT) == pl.col(CREATED), pl.col("live_loans") > 0, pl.col("days_past_due") < 30)
    return first.select(CUSTOMER, EVENT, CREATED, "outstanding")


def _owed(states: pl.DataFrame, loans: pl.DataFrame, version: Version) -> pl.DataFrame:
    """What is owed by the last row of each loan, whenever it came: a change on a month's last day is all there is."""
    last = _sound(states).sort("loan_id", EVENT).unique("loan_id", keep="last", maintain_order=True)
    alive = last.filter(~pl.col("state").is_in(ENDED)).join(
        loans.with_columns(pl.when(pl.col("principal") > 0).then("principal")), on="loan_id", how="left", suffix="_loan"
    )
    close = at(version.close)
    return alive.group_by(CUSTOMER).agg(
        live_loans=pl.len(),
        outstanding=pl.col("outstanding").sum().round(2),
        overdue=pl.col("overdue").sum().round(2),
        days_past_due=pl.col("days_past_due").max(),
        instalments=pl.col("instalment").sum().round(2),
        principal=pl.col("principal").sum().round(2),
        highest_rate=pl.col("rate").max(),
        months_on_book=((close - pl.col("opened").min()).dt.total_days() / 30.4).round(1),
    )


def _sound(states: pl.DataFrame) -> pl.DataFrame:
    # What is owed cannot be negative: a malformed row still tells its state, and is counted.
    return states.with_columns(pl.when(pl.col("outstanding") >= 0).then("outstanding"))


def _borrowed(frames: Frames, loans: pl.DataFrame, owed: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    states = _sound(current(frames["loan_states"], *STATES.key))
    during = states.group_by(CUSTOMER).agg(
        rows_malformed=pl.col("outstanding").is_null().sum(),
        worst_days_past_due=pl.col("days_past_due").max(),
        loans_closed=(pl.col("state") == "closed").sum(),
        times_late=(pl.col("state") == "late_1_29").and_(pl.col("changed")).sum(),
    )
    opened = loans.group_by(CUSTOMER).agg(loans_ever=pl.len())
    asked = current(frames["applications"], "application_id").group_by(CUSTOMER).agg(applications=pl.len())
    parts = [during, _paid(current(frames["payments"], "payment_id")), _chased(frames["collections"]), asked,
             _limit(limits)]  # fmt: skip
    whole = opened.join(owed, on=CUSTOMER, how="full", coalesce=True)
    for part in parts:
        whole = whole.join(part, on=CUSTOMER, how="full", coalesce=True)
    room = (pl.col("credit_limit") - pl.col("outstanding").fill_null(0)).clip(lower_bound=0).round(2)
    return whole.with_columns(headroom=room)


def _limit(rows: pl.DataFrame) -> pl.DataFrame:
    """The limit as it was set last."""
    last = rows.sort(CUSTOMER, EVENT).unique(CUSTOMER, keep="last", maintain_order=True)
    return last.select(CUSTOMER, credit_limit="limit")


def _paid(rows: pl.DataFrame) -> pl.DataFrame:
    amount, kind = pl.col("amount"), pl.col("kind")
    return rows.filter(amount > 0).group_by(CUSTOMER).agg(
        payments=pl.len(),
        paid=amount.sum().round(2),
        payments_late=(kind == "late").sum(),
        prepaid=amount.filter(kind == "prepayment").sum().round(2),
    )  # fmt: skip


def _chased(rows: pl.DataFrame) -> pl.DataFrame:
    done = current(rows, "loan_id", EVENT)
    return done.group_by(CUSTOMER).agg(
        collections=pl.len(),
        promises=(pl.col("result") == "promised").sum(),
        refusals=(pl.col("result") == "refused").sum(),
        unreachable=(pl.col("result") == "unreachable").sum(),
    )


def _closed(rows: pl.DataFrame) -> pl.DataFrame:
    """Applications dated to the close of the day they landed on; corrections keep that event, and are known later."""
    first = pl.col(CREATED).min().over("application_id")
    close = first.dt.truncate("1d").dt.offset_by("1d") - pl.duration(seconds=1)
    # Of two applications on one day each keeps a moment of its own: the earlier one a microsecond earlier.
    place = pl.col("application_id").rank("dense", descending=True).over(CUSTOMER, close) - 1
    event = close - pl.duration(microseconds=place)
    return rows.with_columns(
        pl.col(EVENT).alias("sent_at"), event.alias(EVENT), pl.max_horizontal(event, CREATED).alias(CREATED)
    )


def _days(rows: pl.DataFrame) -> pl.DataFrame:
    """The close that each application belongs to."""
    return rows.select("application_id", day_close=EVENT).unique("application_id", keep="first", maintain_order=True)
