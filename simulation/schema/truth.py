"""The truth: what no lender sees. Written under `truth/`, where features cannot read it."""

import polars as pl

from simulation.schema.behaviour import CONTACT_CHANNELS, OFFERS
from simulation.schema.customers import GROUPS
from simulation.schema.money import ENDS
from simulation.schema.table import Column, Levels, Table, enumerated

SHOCKS = Levels("none", "job_loss", "illness")
FRAUDS = Levels("none", "stolen_identity", "synthetic_identity", "ring", "bust_out", "account_takeover", "new_pattern")
FAULTS = Levels("late", "corrected", "duplicated", "malformed", "outage_late", "outage_lost")
CAUSES = Levels("ability", "income_shock", "never_intended")

TRUE_PEOPLE = Table(
    "true_people",
    "A person's latent traits, when they join.",
    ("customer_id",),
    (
        Column("customer_id", pl.Int64, "the customer"),
        enumerated("group", GROUPS, "the protected group"),
        Column("ability", pl.Float32, "ability to pay, standard normal"),
        Column("willingness", pl.Float32, "willingness to pay, standard normal"),
        Column("literacy", pl.Float32, "financial literacy, standard normal"),
        Column("impulsivity", pl.Float32, "standard normal"),
        Column("reach", pl.Float32, "social reach, standard normal"),
        Column("digital", pl.Float32, "inclination to use the app, standard normal"),
        Column("taste_shop", pl.Float32, "preference for e-commerce"),
        Column("taste_health", pl.Float32, "preference for medical"),
        Column("taste_study", pl.Float32, "preference for education"),
        Column("income", pl.Float64, "true income a month, unshocked"),
        Column("diverts", pl.Boolean, "would move loan money into property or shares"),
        Column("shifted", pl.Boolean, "drawn from the shifted population"),
    ),
)
TRUE_APPLICATIONS = Table(
    "true_applications",
    "What an application would lead to.",
    ("application_id",),
    (
        Column("application_id", pl.Int64, "the application"),
        Column("customer_id", pl.Int64, "the customer"),
        Column("pd", pl.Float64, "chance of 90 days past due within 365 days, at the amount and the usual price"),
        Column("index", pl.Float64, "log-odds of missing an instalment at the time"),
        Column("highest_rate", pl.Float64, "the highest rate at which the offer is taken"),
        Column("income", pl.Float64, "true income at the time"),
        Column("intends_to_pay", pl.Boolean, "false: never pays"),
        Column("shocked", pl.Boolean, "out of work or ill at the time"),
    ),
)
TRUE_LOANS = Table(
    "true_loans",
    "A loan's chances when it was paid out.",
    ("loan_id",),
    (
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        Column("pd", pl.Float64, "chance of 90 days past due within 365 days, as lent"),
    ),
)
DEFAULTS = Table(
    "defaults",
    "Loans that reach 90 days past due.",
    ("loan_id",),
    (
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        enumerated("cause", CAUSES, "why"),
        Column("exposure", pl.Float64, "principal outstanding"),
        Column("days_on_book", pl.Int32, "since it was paid out"),
    ),
)
SHOCKS_TABLE = Table(
    "shocks",
    "What hits a person's income.",
    ("customer_id", "event_timestamp"),
    (
        Column("customer_id", pl.Int64, "the person"),
        enumerated("shock", SHOCKS, "what"),
        Column("until", pl.Date, "when it ends"),
        Column("share_left", pl.Float64, "share of the income that is left"),
    ),
)
FUND_FLOWS = Table(
    "fund_flows",
    "Where the money of a loan really goes.",
    ("loan_id",),
    (
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        Column("misused", pl.Boolean, "into property or shares"),
        enumerated("end", ENDS, "where it ends"),
        Column("hops", pl.UInt8, "transfers on the way"),
    ),
)
TRUE_ECONOMY = Table(
    "true_economy",
    "What the economy does to people.",
    ("event_timestamp",),
    (
        Column("stress", pl.Float64, "added to everyone's log-odds of missing an instalment"),
        Column("job_loss", pl.Float64, "chance of losing one's job in a month"),
        Column("recession", pl.Boolean, "a recession is on"),
    ),
)
ROW_ID = ("row_id", "row_id_2", "row_id_3")
TRUE_FAULTS = Table(
    "true_faults",
    "Records that are not as they should be.",
    ("table", *ROW_ID, "fault", "event_timestamp"),
    (
        Column("table", pl.String, "raw table"),
        Column("row_id", pl.Int64, "the first column of the row's key"),
        Column("row_id_2", pl.Int64, "the second one: a level's place, a moment's microseconds; 0: the key has one"),
        Column("row_id_3", pl.Int64, "the third one in the same way"),
        enumerated("fault", FAULTS, "what was done to it"),
        Column("column", pl.String, "the column changed; empty: none"),
    ),
)
TRUE_FRAUD = Table(
    "true_fraud",
    "Who and what is fraudulent.",
    ("customer_id", "pattern", "application_id"),
    (
        Column("customer_id", pl.Int64, "the customer"),
        Column("application_id", pl.Int64, "the application; 0: the customer as such"),
        enumerated("pattern", FRAUDS, "which pattern"),
        Column("ring_id", pl.Int64, "the ring; 0: alone"),
        Column("strikes", pl.Date, "the day from which they act, or on which an account is taken over"),
    ),
)
TRUE_CONTACTS = Table(
    "true_contacts",
    "The true effect of a contact.",
    ("contact_id",),
    (
        Column("contact_id", pl.Int64, "the contact"),
        Column("customer_id", pl.Int64, "whom"),
        enumerated("channel", CONTACT_CHANNELS, "how"),
        enumerated("offer", OFFERS, "what"),
        Column("chance_without", pl.Float64, "chance to apply within 14 days without it"),
        Column("chance_with", pl.Float64, "the same with it"),
        Column("fatigue", pl.Float64, "how tired of contacts, 0 to 1"),
    ),
)
TRUE_RELATIONS = Table(
    "true_relations",
    "Who really knows whom.",
    ("customer_id", "related_id"),
    (
        Column("customer_id", pl.Int64, "the person"),
        Column("related_id", pl.Int64, "whom they know"),
        Column("strength", pl.Float32, "0 to 1"),
    ),
)
TRUE_PATTERNS = Table(
    "true_patterns",
    "Planted patterns: who buys or reads one thing and so needs another.",
    ("customer_id", "pattern"),
    (
        Column("customer_id", pl.Int64, "the person"),
        Column("pattern", pl.String, "its name"),
        Column("effect", pl.Float64, "added to the log of how often they apply"),
        Column("until", pl.Date, "when it ends"),
    ),
)
TABLES = (
    TRUE_PEOPLE, TRUE_APPLICATIONS, TRUE_LOANS, DEFAULTS, SHOCKS_TABLE, FUND_FLOWS, TRUE_ECONOMY, TRUE_FAULTS,
    TRUE_FRAUD, TRUE_CONTACTS, TRUE_RELATIONS, TRUE_PATTERNS,
)  # fmt: skip
