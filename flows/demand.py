"""Who asks in a month of the demo, and when: a seeded sample of the real observations, spread over its working days."""

from datetime import date, timedelta

import polars as pl

from features.calendar import month_start, noon, working_days
from features.spec import EVENT
from flows.observed import newest
from flows.workspace import Workspace

SEED = 20_091
ASKED = "asked_at"


def demand(workspace: Workspace, table: str, end: date, sample: int) -> pl.DataFrame:
    """Key and `asked_at` of those who ask in the month that ends on `end`, in order of time.

    Who is observed in the month asks at noon of that day. Who was observed before, as every customer with a statement,
    asks on one of the month's working days. About `sample` are drawn from those known a day before the month ends;
    whoever is first seen on its last day is drawn in the same proportion, once that day's data is in the lake.
    """
    known = newest(workspace, table, end - timedelta(days=1))
    last = newest(workspace, table, end).filter(pl.col(EVENT).dt.date() == end)
    late = last.join(known, on=workspace.key, how="anti", maintain_order="left")
    share = min(1.0, sample / max(known.height, 1))
    drawn = (_drawn(known, sample), _drawn(late, round(share * late.height)))
    return pl.concat([_timed(people, workspace.key, end) for people in drawn]).sort(ASKED, workspace.key)


def _drawn(people: pl.DataFrame, most: int) -> pl.DataFrame:
    return people.sample(fraction=1.0, shuffle=True, seed=SEED).head(most)


def _timed(people: pl.DataFrame, key: str, end: date) -> pl.DataFrame:
    days = working_days(end)
    times = [
        noon(event.date() if event.date() >= month_start(end) else days[place * len(days) // people.height])
        for place, event in enumerate(people[EVENT])
    ]
    return people.select(key, pl.Series(ASKED, times, dtype=pl.Datetime("us", "UTC")))
