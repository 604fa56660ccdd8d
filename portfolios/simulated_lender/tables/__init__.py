"""The simulated lender: raw files by day become canonical tables by customer; the truth is not among them."""

from pathlib import Path

import polars as pl

from . import behaviour, lending, marketing, money, people
from .known import with_known
from .months import joined_by
from .raw import Raw


def tables(data: Path) -> dict[str, pl.DataFrame]:
    """The canonical tables, all of them held at once.

    Only what is summed is read month by month: of sign-ins, steps, movements or orders two months are in memory at a
    time. Records, loan states and all sums made so far are there whole, so memory grows with customers and months.
    """
    raw = Raw(data)
    roster, asked, sent = joined_by(raw), lending.applications(raw), marketing.contacts(raw)
    answers, book, moved = lending.bureau(raw, asked), lending.book(raw, roster), money.money(raw, roster)
    return {
        "profiles": people.profiles(raw),
        "applications": with_known(asked, answers, book, moved),
        "bureau": answers,
        "loan_outcomes": lending.outcomes(raw, asked),
        "book": book,
        "live_book": lending.live(book),
        "money": moved,
        "balances": money.balances(raw, roster),
        "access": behaviour.access(raw, roster),
        "app_use": behaviour.app_use(raw, roster),
        "orders": behaviour.orders(raw, roster),
        "contacted": marketing.contacted(raw, roster),
        "contacts": sent,
        "contact_outcomes": marketing.responses(raw, sent),
    }
