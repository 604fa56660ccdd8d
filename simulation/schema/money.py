"""Money: what moves on customers' accounts, and where loan money goes from there."""

from enum import IntEnum

import polars as pl

from simulation.schema.table import Column, Levels, Table, enumerated


class Kind(IntEnum):
    """What a movement is."""

    PURCHASE = 0
    BILL = 1
    SALARY = 2
    BENEFIT = 3
    BUSINESS_INCOME = 4
    TRANSFER_OUT = 5
    TRANSFER_IN = 6
    CASH = 7
    LOAN_IN = 8
    LOAN_PAYMENT = 9
    OUTSIDE_LOAN_IN = 10
    OUTSIDE_PAYMENT = 11
    REFUND = 12
    SAVING = 13


class Way(IntEnum):
    """How it was paid."""

    CARD = 0
    WALLET = 1
    TRANSFER = 2
    DIRECT_DEBIT = 3
    CASH_MACHINE = 4


class Party(IntEnum):
    """What is on the other side."""

    MERCHANT = 0
    EMPLOYER = 1
    CUSTOMER = 2
    OUTSIDE_ACCOUNT = 3
    LENDER = 4
    STATE = 5
    OWN_SAVINGS = 6


KINDS, WAYS, PARTIES = (Levels(*(member.name.lower() for member in codes)) for codes in (Kind, Way, Party))
ENDS = Levels("household", "merchant", "hospital", "school", "supplier", "broker", "property_developer")

TRANSACTIONS = Table(
    "transactions",
    "Every movement on customers' current accounts.",
    ("transaction_id",),
    (
        Column("transaction_id", pl.Int64, "the movement"),
        Column("customer_id", pl.Int64, "whose account"),
        enumerated("kind", KINDS, "what it is"),
        Column("amount", pl.Float64, "into the account; negative: out of it"),
        Column("mcc", pl.UInt16, "merchant category code (ISO 18245); 0: no merchant"),
        enumerated("party", PARTIES, "what is on the other side"),
        Column("party_id", pl.Int64, "merchant, customer or account on the other side"),
        enumerated("way", WAYS, "how it was paid"),
    ),
)
BALANCES = Table(
    "balances",
    "Accounts at the end of each Sunday.",
    ("customer_id", "event_timestamp"),
    (
        Column("customer_id", pl.Int64, "the customer"),
        Column("current", pl.Float64, "on the current account; negative: overdrawn"),
        Column("savings", pl.Float64, "on the savings account"),
    ),
)
TRANSFERS = Table(
    "transfers",
    "What the clearing house reports of money that left a borrower's account within ten days of a loan, hop by hop.",
    ("transfer_id",),
    (
        Column("transfer_id", pl.Int64, "the transfer"),
        Column("from_account", pl.Int64, "who paid; a customer's own account has the customer's id"),
        Column("to_account", pl.Int64, "who received"),
        enumerated("to_kind", ENDS, "what the receiver is registered as; a private account: household"),
        Column("to_mcc", pl.UInt16, "merchant category of the receiver; 0: none"),
        Column("amount", pl.Float64, "how much"),
    ),
)
MERCHANTS = Table(
    "merchants",
    "Merchants that accept payments or sell on credit.",
    ("merchant_id",),
    (
        Column("merchant_id", pl.Int64, "the merchant"),
        Column("mcc", pl.UInt16, "merchant category code"),
        Column("category", pl.String, "its name"),
        Column("region", pl.UInt8, "where; 255: online"),
        Column("partner_id", pl.Int32, "the scenario partner it sells credit through; 0: none"),
    ),
)
PARTNERS = Table(
    "partners",
    "Scenario partners that send applications.",
    ("partner_id",),
    (
        Column("partner_id", pl.Int32, "the partner"),
        Column("scenario", pl.String, "ecommerce, medical or education"),
        Column("name", pl.String, "its name"),
        Column("commission", pl.Float64, "share of the principal it is paid"),
    ),
)
TABLES = (TRANSACTIONS, BALANCES, TRANSFERS, MERCHANTS, PARTNERS)
