"""Behaviour: sign-ins and devices, steps in the app and what was bought at partners, a row a customer and month."""

import polars as pl

from .months import Frames, Source, Summaries, Version, accounted
from .raw import CUSTOMER, EVENT, Raw, current

LOGINS = Source(
    {
        "login_id": pl.Int64, "device_id": pl.Int64, "ip_region": pl.Int64, "ip_id": pl.Int64, "result": pl.String,
        "seconds": pl.Int64,
    },
    ("login_id",),
)  # fmt: skip
DEVICES = Source(
    {
        "device_id": pl.Int64, "system": pl.String, "price_class": pl.Int64, "emulator": pl.Boolean,
        "rooted": pl.Boolean,
    },
    (CUSTOMER, "device_id"),
)  # fmt: skip
STEPS = Source(
    {
        "event_id": pl.Int64, "session_id": pl.Int64, "event": pl.String, "topic": pl.String, "item_id": pl.Int64,
        "seconds": pl.Int64,
    },
    ("event_id",),
)  # fmt: skip
EVENTS = (
    "open", "view_home", "view_offer", "view_product", "read_article", "start_form", "upload_document", "submit_form",
    "view_contract", "sign", "abandon", "search", "add_to_cart", "checkout", "view_bill", "help",
)  # fmt: skip
TOPICS = ("shopping", "medical", "education", "parenting", "travel", "home", "cars", "investing", "debt")
ORDERS = Source(
    {"order_id": pl.Int64, "merchant_id": pl.Int64, "item": pl.String, "amount": pl.Float64}, ("order_id", "item")
)
BASKETS = {
    "family": ("baby_goods", "parenting_books", "school_supplies"),
    "durables": ("electronics", "home_appliances", "furniture", "car_parts"),
    "daily": ("clothes", "cosmetics", "groceries", "sports", "pet_goods"),
    "services": ("online_course", "travel_package"),
}
"""Items by what they are bought for."""
HEALTH = ("medical_check", "dental")
"""Items that are left out: no model may read of health, and a total would tell of it."""


def access(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """How, from where and on what a customer signed in; devices new to the customer in the month."""
    counted = pl.exclude(CUSTOMER, "^.*_timestamp$", "session_mean", "price_class")
    return Summaries(raw, {"logins": LOGINS, "devices": DEVICES}, roster, _signed_in, counted)


def app_use(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """Steps in the app by kind and topic."""
    return Summaries(raw, {"app_events": STEPS}, roster, _stepped, pl.exclude(CUSTOMER, "^.*_timestamp$"))


def orders(raw: Raw, roster: pl.DataFrame) -> Summaries:
    """Baskets bought at scenario merchants, without what was bought for health."""
    return Summaries(raw, {"orders": ORDERS}, roster, _bought, pl.exclude(CUSTOMER, "^.*_timestamp$"))


def _signed_in(frames: Frames, version: Version) -> pl.DataFrame:
    landed, read = frames["logins"], pl.col("result").is_not_null()
    versions, done = current(landed, "login_id"), pl.col("result") == "success"
    rows, told = versions.filter(read), accounted(landed, versions, read)
    regions = rows.group_by(CUSTOMER, "ip_region").len().sort("len", "ip_region", descending=[True, False])
    home = regions.group_by(CUSTOMER, maintain_order=True).agg(logins_home=pl.col("len").first())
    signed = rows.group_by(CUSTOMER).agg(
        logins=pl.len(),
        logins_failed=(~done).sum(),
        passwords_wrong=(pl.col("result") == "wrong_password").sum(),
        passwords_reset=(pl.col("result") == "reset").sum(),
        logins_blocked=(pl.col("result") == "blocked").sum(),
        devices_used=pl.col("device_id").n_unique(),
        regions_used=pl.col("ip_region").n_unique(),
        addresses_used=pl.col("ip_id").n_unique(),
        login_days=pl.col(EVENT).dt.day().n_unique(),
        logins_at_night=(pl.col(EVENT).dt.hour() < 6).sum(),
        session_seconds=pl.col("seconds").sum(),
        session_mean=pl.col("seconds").filter(done).mean().round(1),
    )
    used, of_devices = _devices(frames["devices"])
    told = pl.concat([told, of_devices]).group_by(CUSTOMER).sum()
    whole = signed.join(home, on=CUSTOMER, how="left").join(used, on=CUSTOMER, how="full", coalesce=True)
    return told.join(whole, on=CUSTOMER, how="left")


def _devices(landed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is new, and of how many rows that is told."""
    rows, read = current(landed, CUSTOMER, "device_id"), pl.col("system").is_not_null()
    new = rows.filter(read).group_by(CUSTOMER).agg(
        devices_new=pl.len(),
        devices_emulated=pl.col("emulator").sum(),
        devices_rooted=pl.col("rooted").sum(),
        price_class=pl.col("price_class").max(),
    )  # fmt: skip
    return new, accounted(landed, rows, read)


def _stepped(frames: Frames, version: Version) -> pl.DataFrame:
    landed, read = frames["app_events"], pl.col("event").is_not_null()
    rows = current(landed, "event_id")
    done = rows.filter(read).group_by(CUSTOMER).agg(
        *[(pl.col("event") == event).sum().alias(f"{event}_steps") for event in EVENTS],
        *[(pl.col("topic") == topic).sum().alias(f"{topic}_steps") for topic in TOPICS],
        steps=pl.len(),
        sessions=pl.col("session_id").n_unique(),
        app_days=pl.col(EVENT).dt.day().n_unique(),
        app_seconds=pl.col("seconds").sum(),
    )  # fmt: skip
    return accounted(landed, rows, read).join(done, on=CUSTOMER, how="left")


def _bought(frames: Frames, version: Version) -> pl.DataFrame:
    rows = current(frames["orders"], "order_id", "item")
    sound = rows.filter(pl.col("amount") > 0, ~pl.col("item").is_in(HEALTH))
    amount, item = pl.col("amount"), pl.col("item")
    return sound.group_by(CUSTOMER).agg(
        *[amount.filter(item.is_in(items)).sum().round(2).alias(f"{name}_ordered") for name, items in BASKETS.items()],
        baskets=pl.col("order_id").n_unique(),
        items=pl.len(),
        ordered=amount.sum().round(2),
        shops=pl.col("merchant_id").n_unique(),
    )
