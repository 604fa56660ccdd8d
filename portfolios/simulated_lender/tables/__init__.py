"""The simulated lender: raw files by day become canonical tables by customer; the truth is not among them."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from . import behaviour, lending, marketing, money, people
from .known import Seen
from .months import joined_by
from .raw import Raw


def parts(data: Path) -> Iterator[dict[str, pl.DataFrame]]:
    """The canonical tables by the month in which their rows became known, month after month.

    In memory at a time: a month's rows of every table, the raw ones that one of them is made of, and of all months what
    is few: applications with answers and checks, a row a loan, and when a contact first landed.
    """
    raw = Raw(data)
    roster, asked = joined_by(raw), lending.applications(raw)
    answers, lent, seen = lending.bureau(raw, asked), lending.watched(raw, asked), Seen()
    book, moved = lending.book(raw, roster), money.money(raw, roster)
    balances, access = money.balances(raw, roster), behaviour.access(raw, roster)
    app_use, orders = behaviour.app_use(raw, roster), behaviour.orders(raw, roster)
    contacted, made = marketing.contacted(raw, roster), marketing.Contacts(raw)
    for period in raw.periods:
        owed, income, sent = book.of(period), moved.of(period), made.of(period)
        seen.add(owed, income)
        yield {
            "profiles": people.profiles(raw, period),
            "applications": seen.with_known(period.known(asked), answers),
            "bureau": period.known(answers),
            "loan_outcomes": lending.outcomes(raw, lent, period),
            "book": owed,
            "live_book": lending.live(owed),
            "money": income,
            "balances": balances.of(period),
            "access": access.of(period),
            "app_use": app_use.of(period),
            "orders": orders.of(period),
            "contacted": contacted.of(period),
            "contacts": sent,
            "contact_outcomes": made.answered(period),
        }
