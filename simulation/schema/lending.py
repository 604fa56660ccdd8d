"""Lending: applications, decisions, loans and all that happens to them."""

import polars as pl

from simulation.schema.table import Column, Levels, Table, enumerated

PURPOSES = Levels("ecommerce", "medical", "education", "cash", "business")
CHANNELS = Levels("app", "partner", "web", "branch")
OUTCOMES = Levels("approved", "declined", "expired", "not_taken_up")
STATES = Levels("current", "late_1_29", "late_30_59", "late_60_89", "default", "written_off", "closed")
PAYMENT_KINDS = Levels("scheduled", "late", "prepayment", "recovery")
METHODS = Levels("direct_debit", "transfer", "wallet", "branch")
LOAN_CHANGES = Levels("paid_out", "repriced", "restructured")
LIMIT_REASONS = Levels("granted", "raised", "lowered", "blocked", "unblocked")
ACTIONS = Levels("reminder", "call", "visit", "restructure", "legal")
REACHED = Levels("unreachable", "reached", "promised", "refused")
CHECKS = Levels("liveness", "voice_print", "document", "device")

APPLICATIONS = Table(
    "applications",
    "What was asked for, and how the form was filled in.",
    ("application_id",),
    (
        Column("application_id", pl.Int64, "the application"),
        Column("customer_id", pl.Int64, "who applies"),
        enumerated("channel", CHANNELS, "where"),
        Column("partner_id", pl.Int32, "the scenario partner; 0: none"),
        Column("merchant_id", pl.Int64, "who is to be paid; 0: the customer"),
        enumerated("purpose", PURPOSES, "what for"),
        Column("amount", pl.Float64, "asked for"),
        Column("term_months", pl.UInt8, "asked for"),
        Column("stated_income", pl.Float64, "income a month as the applicant says"),
        Column("stated_instalments", pl.Float64, "what is due a month elsewhere, as the applicant says"),
        Column("device_id", pl.Int64, "the device it was sent from"),
        Column("ip_region", pl.UInt8, "region of the address it was sent from"),
        Column("seconds_on_form", pl.Int32, "how long the form was open"),
        Column("income_edits", pl.UInt8, "how often the income was changed before sending"),
        Column("read_terms", pl.Boolean, "the terms were opened"),
        Column("address_id", pl.Int64, "the address given"),
        Column("payee_account", pl.Int64, "the account the money is to go to"),
    ),
)
SIGNALS = Table(
    "signals",
    "Results of identity checks during an application.",
    ("application_id", "check"),
    (
        Column("application_id", pl.Int64, "the application"),
        Column("customer_id", pl.Int64, "the customer"),
        enumerated("check", CHECKS, "what was checked"),
        Column("score", pl.Float64, "the vendor's score, 0 to 1, higher is more genuine"),
        Column("passed", pl.Boolean, "the vendor's verdict"),
    ),
)
DECISIONS = Table(
    "decisions",
    "What became of an application: the lender's decision or the applicant's.",
    ("application_id", "outcome"),
    (
        Column("application_id", pl.Int64, "the application"),
        Column("customer_id", pl.Int64, "the customer"),
        enumerated("outcome", OUTCOMES, "approved, declined, expired unanswered, or approved and not taken up"),
        Column("amount", pl.Float64, "approved; 0 otherwise"),
        Column("rate", pl.Float64, "approved, a year; 0 otherwise"),
    ),
)
LOANS = Table(
    "loans",
    "A loan when it is paid out; told anew, with a later `created_timestamp`, when a price changes or a loan is"
    " restructured. `event_timestamp` is when it was paid out.",
    ("loan_id",),
    (
        Column("loan_id", pl.Int64, "the loan; the id of its application"),
        Column("customer_id", pl.Int64, "the borrower"),
        enumerated("purpose", PURPOSES, "what for"),
        Column("partner_id", pl.Int32, "the scenario partner; 0: none"),
        Column("merchant_id", pl.Int64, "who was paid; 0: the customer"),
        Column("principal", pl.Float64, "lent"),
        Column("rate", pl.Float64, "a year, from then on"),
        Column("fee", pl.Float64, "kept back when paid out"),
        Column("term_months", pl.UInt8, "instalments, those already paid among them"),
        Column("instalment", pl.Float64, "due a month, from then on"),
        Column("first_due", pl.Date, "first due date, as first agreed"),
        enumerated("change", LOAN_CHANGES, "why the row was written"),
    ),
)
INSTALMENTS = Table(
    "instalments",
    "A loan's schedule, known when it is paid out; what is unpaid is told anew, with a later `created_timestamp`, when"
    " a price changes or a loan is restructured. `event_timestamp` is the due date.",
    ("loan_id", "number"),
    (
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        Column("number", pl.UInt8, "from 1"),
        Column("principal", pl.Float64, "part that repays"),
        Column("interest", pl.Float64, "part that is interest"),
    ),
)
PAYMENTS = Table(
    "payments",
    "Money received for a loan.",
    ("payment_id",),
    (
        Column("payment_id", pl.Int64, "the payment"),
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        enumerated("kind", PAYMENT_KINDS, "on schedule, late, ahead of schedule, or recovered after the write-off"),
        enumerated("method", METHODS, "how"),
        Column("amount", pl.Float64, "received"),
        Column("principal", pl.Float64, "of it principal"),
        Column("interest", pl.Float64, "of it interest"),
        Column("fees", pl.Float64, "of it late fees"),
    ),
)
LOAN_STATES = Table(
    "loan_states",
    "A loan's standing: a row for each change of state, and at each month's end for every live loan.",
    ("loan_id", "event_timestamp"),
    (
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        enumerated("state", STATES, "by days past due; default is 90, written off is 120"),
        Column("days_past_due", pl.Int32, "since the oldest unpaid due date"),
        Column("outstanding", pl.Float64, "principal not repaid"),
        Column("overdue", pl.Float64, "due and unpaid"),
        Column("changed", pl.Boolean, "the state is another than before"),
        Column("month_end", pl.Boolean, "the row of a live loan at its month's end, which may tell a change too"),
    ),
)
LIMITS = Table(
    "limits",
    "A customer's credit limit whenever it changes.",
    ("customer_id", "event_timestamp"),
    (
        Column("customer_id", pl.Int64, "the customer"),
        Column("limit", pl.Float64, "what may be owed at once"),
        Column("used", pl.Float64, "owed"),
        enumerated("reason", LIMIT_REASONS, "why it changed"),
    ),
)
COLLECTIONS = Table(
    "collections",
    "What was done about a late loan, and what came of it.",
    ("loan_id", "event_timestamp"),
    (
        Column("loan_id", pl.Int64, "the loan"),
        Column("customer_id", pl.Int64, "the borrower"),
        enumerated("action", ACTIONS, "what was done"),
        enumerated("result", REACHED, "what came of it"),
        Column("cost", pl.Float64, "what it cost"),
        Column("days_past_due", pl.Int32, "when it was done"),
    ),
)
TABLES = (
    APPLICATIONS, SIGNALS, DECISIONS, LOANS, INSTALMENTS, PAYMENTS, LOAN_STATES, LIMITS, COLLECTIONS,
)  # fmt: skip
