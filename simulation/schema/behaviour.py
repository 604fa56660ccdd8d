"""Behaviour: devices, logins, what is done in the app, contacts, purchases, complaints."""

import polars as pl

from simulation.schema.table import Column, Levels, Table, enumerated

SYSTEMS = Levels("android", "ios", "other")
LOGIN_RESULTS = Levels("success", "wrong_password", "blocked", "reset")
EVENTS = Levels(
    "open", "view_home", "view_offer", "view_product", "read_article", "start_form", "upload_document", "submit_form",
    "view_contract", "sign", "abandon", "search", "add_to_cart", "checkout", "view_bill", "help",
)  # fmt: skip
TOPICS = Levels("none", "shopping", "medical", "education", "parenting", "travel", "home", "cars", "investing", "debt")
CONTACT_CHANNELS = Levels("push", "sms", "email", "call", "adviser", "in_app")
OFFERS = Levels(
    "cash_loan", "checkout_instalments", "medical_instalments", "study_now", "rate_discount", "wealth_bundle",
    "education_content", "repayment_help",
)  # fmt: skip
RESPONSES = Levels("opened", "clicked", "applied", "unsubscribed", "complained")
COMPLAINTS_ABOUT = Levels("contact_frequency", "rate", "collections", "decision", "app", "fraud", "data")
ITEMS = Levels(
    "baby_goods", "parenting_books", "electronics", "home_appliances", "furniture", "clothes", "cosmetics", "groceries",
    "sports", "school_supplies", "online_course", "medical_check", "dental", "car_parts", "pet_goods", "travel_package",
)  # fmt: skip

DEVICES = Table(
    "devices",
    "A device the first time a customer uses it.",
    ("customer_id", "device_id"),
    (
        Column("device_id", pl.Int64, "fingerprint"),
        Column("customer_id", pl.Int64, "who uses it"),
        enumerated("system", SYSTEMS, "operating system"),
        Column("price_class", pl.UInt8, "0 (cheap) to 4"),
        Column("emulator", pl.Boolean, "looks like an emulator"),
        Column("rooted", pl.Boolean, "protections are off"),
    ),
)
LOGINS = Table(
    "logins",
    "Attempts to sign in to the app.",
    ("login_id",),
    (
        Column("login_id", pl.Int64, "the attempt"),
        Column("customer_id", pl.Int64, "whose account"),
        Column("device_id", pl.Int64, "from which device"),
        Column("ip_region", pl.UInt8, "region of the address"),
        Column("ip_id", pl.Int64, "the address"),
        enumerated("result", LOGIN_RESULTS, "what came of it"),
        Column("seconds", pl.Int32, "length of the session"),
    ),
)
APP_EVENTS = Table(
    "app_events",
    "Steps in the app, on the partner's pages and along the application funnel.",
    ("event_id",),
    (
        Column("event_id", pl.Int64, "the step"),
        Column("customer_id", pl.Int64, "who"),
        Column("session_id", pl.Int64, "session"),
        enumerated("event", EVENTS, "what"),
        enumerated("topic", TOPICS, "what the page is about"),
        Column("item_id", pl.Int64, "offer, product, article or application; 0: none"),
        Column("seconds", pl.Int32, "time spent"),
    ),
)
CONTACTS = Table(
    "contacts",
    "Contacts made, held out for comparison, or refused by the rules: what was or would have been sent, and its cost.",
    ("contact_id",),
    (
        Column("contact_id", pl.Int64, "the contact"),
        Column("customer_id", pl.Int64, "whom"),
        Column("campaign_id", pl.Int32, "for which campaign"),
        enumerated("channel", CONTACT_CHANNELS, "how"),
        enumerated("offer", OFFERS, "what"),
        Column("held_out", pl.Boolean, "held out at random: this would have been sent, and nothing was"),
        Column("refused", pl.Boolean, "not made, and no hold-out either: more than contact_cap_month allows"),
        Column("cost", pl.Float64, "cost"),
        Column("delivered", pl.Boolean, "it arrived"),
    ),
)
RESPONSES_TABLE = Table(
    "responses",
    "What a contact led to, as far as the lender can see.",
    ("contact_id", "response"),
    (
        Column("contact_id", pl.Int64, "the contact"),
        Column("customer_id", pl.Int64, "whose"),
        enumerated("response", RESPONSES, "what"),
    ),
)
ORDERS = Table(
    "orders",
    "Items bought at scenario merchants, as partners report them.",
    ("order_id", "item"),
    (
        Column("order_id", pl.Int64, "the basket"),
        Column("customer_id", pl.Int64, "who"),
        Column("merchant_id", pl.Int64, "where"),
        enumerated("item", ITEMS, "what"),
        Column("amount", pl.Float64, "price"),
    ),
)
COMPLAINTS = Table(
    "complaints",
    "Complaints received.",
    ("complaint_id",),
    (
        Column("complaint_id", pl.Int64, "the complaint"),
        Column("customer_id", pl.Int64, "whose"),
        enumerated("about", COMPLAINTS_ABOUT, "what it is about"),
        Column("text", pl.String, "the words"),
    ),
)
TABLES = (DEVICES, LOGINS, APP_EVENTS, CONTACTS, RESPONSES_TABLE, ORDERS, COMPLAINTS)
