"""Money: movements on the current account and balances, a row a customer and month."""

import polars as pl

from .months import Frames, Source, Summaries, Version, accounted
from .raw import CUSTOMER, EVENT, Raw, current

KINDS = (
    "purchase", "bill", "salary", "benefit", "business_income", "transfer_out", "transfer_in", "cash", "loan_in",
    "loan_payment", "outside_loan_in", "outside_payment", "refund", "saving",
)  # fmt: skip
INCOME = ("salary", "benefit", "business_income")
CATEGORIES = {
    5411: "groceries", 5499: "convenience", 5812: "restaurant", 5814: "fast_food", 4111: "public_transport",
    5541: "fuel", 4121: "taxi", 5964: "online_shop", 5651: "clothes", 5732: "electronics", 5712: "home",
    5912: "pharmacy", 8062: "hospital", 8299: "school", 5942: "books", 7230: "beauty", 7832: "cinema", 5816: "games",
    4722: "travel", 7011: "hotel", 5641: "baby", 5995: "pets", 7995: "gambling", 5933: "pawn", 5099: "wholesale",
}  # fmt: skip
"""Merchant category codes of ISO 18245."""
WAYS = ("card", "wallet", "transfer", "cash_machine")
ABSURD = 1_000_000.0
"""No movement on a private account is as large: such an amount was misread."""
SOURCES = {
    "transactions": Source(
        {
            "transaction_id": pl.Int64, "kind": pl.String, "amount": pl.Float64, "mcc": pl.Int64, "party_id": pl.Int64,
            "way": pl.String,
        },
        ("transaction_id",),
    )
}  # fmt: skip
BALANCES = {"balances": Source({"current": pl.Float64, "savings": pl.Float64}, (CUSTOMER, EVENT))}


def money(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """What came in, went out, on what and how; and of how many rows: in = kept + repeated + malformed."""
    counted = pl.exclude(CUSTOMER, "^.*_timestamp$", "^.*_day$", "purchase_std")
    return Summaries(raw, SOURCES, roster, _movements, counted)


def balances(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """The account as it stood on the month's Sundays."""
    return Summaries(raw, BALANCES, roster, _standing, pl.col("sundays", "sundays_overdrawn"))


def _movements(frames: Frames, version: Version) -> pl.DataFrame:
    landed = frames["transactions"]
    rows = current(landed, "transaction_id")
    sound = pl.col("amount").abs() < ABSURD
    return accounted(landed, rows, sound).join(_sums(rows.filter(sound)), on=CUSTOMER, how="left")


def _sums(rows: pl.DataFrame) -> pl.DataFrame:
    amount, kind, code = pl.col("amount").abs(), pl.col("kind"), pl.col("mcc")
    spent = kind == "purchase"
    named = rows.with_columns(amount=amount, out=pl.col("amount") < 0)
    amount = pl.col("amount")
    return named.group_by(CUSTOMER).agg(
        *[_money(amount.filter(kind == one)).alias(f"{one}_sum") for one in KINDS],
        *[(kind == one).sum().alias(f"{one}_count") for one in ("purchase", "transfer_out", "transfer_in", "cash")],
        *[_money(amount.filter(spent & (code == mcc))).alias(f"spent_{name}") for mcc, name in CATEGORIES.items()],
        *[(pl.col("way") == way).sum().alias(f"by_{way}") for way in WAYS],
        in_sum=_money(amount.filter(~pl.col("out"))),
        out_sum=_money(amount.filter(pl.col("out"))),
        income_sum=_money(amount.filter(kind.is_in(INCOME))),
        largest_purchase=amount.filter(spent).max(),
        purchase_std=amount.filter(spent).std().round(2),
        weekend_sum=_money(amount.filter(spent & (pl.col(EVENT).dt.weekday() >= 6))),
        night_count=(pl.col(EVENT).dt.hour() < 6).sum(),
        first_week_sum=_money(amount.filter(spent & (pl.col(EVENT).dt.day() <= 7))),
        active_days=pl.col(EVENT).dt.day().n_unique(),
        merchants=pl.col("party_id").filter(spent).n_unique(),
        payees=pl.col("party_id").filter(kind == "transfer_out").n_unique(),
        payers=pl.col("party_id").filter(kind == "transfer_in").n_unique(),
        income_day=pl.col(EVENT).dt.day().filter(kind.is_in(INCOME)).max(),
    )


def _money(amounts: pl.Expr) -> pl.Expr:
    # Cents are exact; a float's last digit would depend on how a sum was split among threads.
    return (amounts * 100).round().cast(pl.Int64).sum() / 100


def _standing(frames: Frames, version: Version) -> pl.DataFrame:
    rows = current(frames["balances"], CUSTOMER, EVENT).filter(pl.col("current").abs() < 10 * ABSURD)
    return rows.sort(CUSTOMER, EVENT).group_by(CUSTOMER, maintain_order=True).agg(
        current_last=pl.col("current").last(),
        current_least=pl.col("current").min(),
        current_mean=pl.col("current").mean().round(2),
        current_std=pl.col("current").std().round(2),
        savings_last=pl.col("savings").last(),
        savings_least=pl.col("savings").min(),
        sundays=pl.len(),
        sundays_overdrawn=(pl.col("current") < 0).sum(),
    )  # fmt: skip
