"""A view brought up to date: the features of those whose rows have changed, by ranges of customers where many."""

from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property, partial
from typing import Any

import polars as pl

from features.compute import compute, widest
from features.customers import EVERYONE, Customers, Each, split
from features.definitions import Definition, define_view
from features.digests import code_digest, digest_of
from features.fingerprints import Fingerprints, Month
from features.growing import GrowingFile
from features.lake import Lake, Partition, known_in
from features.lake_files import read_file
from features.portfolio import Portfolio
from features.spec import CREATED, EVENT
from features.transforms.registry import Reach

_CODE = ("compute.py", "versions.py", "definitions.py", "transforms/*.py")


@dataclass(frozen=True)
class Survey:
    """What has changed of some customers: by month the keys whose rows are other than they were; None: all of it.

    `months`: their rows, kept where these are all that there are.
    """

    customers: Customers
    changed: dict[str, pl.DataFrame | None]
    months: list[Month] | None = None

    @property
    def touched(self) -> set[str]:
        """The months in which something has."""
        return {month for month, keys in self.changed.items() if keys is None or keys.height}


@dataclass(frozen=True)
class Made:
    """The new content of some customers: by month their feature rows, and what these were made from."""

    rows: dict[str, pl.DataFrame]
    fingerprints: dict[str, pl.DataFrame]


@dataclass(frozen=True)
class Update:
    """A view brought up to date: features of the entities whose rows have changed, from the month they changed in.

    `built` are the view's partitions; `covers` says of each month the last day that its partition shall cover.
    """

    portfolio: Portfolio
    lake: Lake
    view: str
    built: dict[str, Partition]
    covers: dict[str, date]

    def __getstate__(self) -> dict[str, Any]:
        """What another process is told: what is worked out of it, it works out itself."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def run(self, at_once: int, each: Each = map) -> bool:
        """Write each partition whose rows or days are other than they were; whether there was one."""
        surveys = list(each(self.survey, self._ranges(at_once)))
        touched = set[str]().union(*(survey.touched for survey in surveys))
        wanted = self._wanted(touched)
        noted = {month for month in self.covers if month in wanted or month in touched}
        # In the order of time: once the last month is there, all are.
        pages = {month: self._page(month) for month in self.covers if month in wanted}
        prints = {month: self._page(month, fingerprints=True) for month in self.covers if month in noted}
        try:
            for made in each(partial(self.make, touched=touched, wanted=wanted, noted=noted), surveys):
                _add(pages, made.rows)
                _add(prints, made.fingerprints)
            wrote = [self._replace(month, page) for month, page in pages.items()]
            self._note(prints, touched)
        finally:
            for page in (*pages.values(), *prints.values()):
                page.discard()
        return any(wrote)

    def survey(self, customers: Customers) -> Survey:
        """What has changed of these customers since the view was built."""
        known = self._prints.known(self.built)
        if not customers.everyone and not known:
            return Survey(customers, dict.fromkeys(self.covers))
        months = self._months(customers)
        changed = {one.name: self._prints.changed(one, customers) if one.name in known else None for one in months}
        return Survey(customers, changed, months if customers.everyone else None)

    def make(self, survey: Survey, *, touched: set[str], wanted: set[str], noted: set[str]) -> Made:
        """What the months `wanted` hold of these customers, when those `touched` have changed."""
        months = self._months(survey.customers) if survey.months is None else survey.months
        changed = survey.changed
        # Of a month made from something else altogether, all entities; they alone have rows in its partition.
        stale = [
            month.fingerprints.select(self._key) if (keys := changed[month.name]) is None else keys
            for month in months
            if month.name in touched
        ]
        none = months[0].fingerprints.select(self._key).clear()
        keys, reached = pl.concat([none, *stale]).unique(), self._reached(touched)
        made = self._compute(months, touched, keys)
        rows = {}
        for month in wanted:
            forgotten = changed[month] is None or (month in reached and self._reach == "table")
            kept = None if forgotten else self._kept(month, survey.customers, keys if month in reached else none)
            here = known_in(made, month, self.covers[month]) if month in reached else made.clear()
            rows[month] = here if kept is None else pl.concat([kept, here]).sort(self._key, EVENT, CREATED)
        return Made(rows, {month.name: month.fingerprints for month in months if month.name in noted})

    @property
    def _key(self) -> str:
        return self.portfolio.features.entity.key

    @property
    def _table(self) -> str:
        return self.portfolio.features.views[self.view].table

    @cached_property
    def _definitions(self) -> list[Definition]:
        return define_view(self.portfolio.features, self.view)

    @cached_property
    def _reach(self) -> Reach:
        return widest(self._definitions)

    @cached_property
    def _prints(self) -> Fingerprints:
        return Fingerprints(self.lake, self.portfolio.name, self.view, self._key, self._definition())

    @property
    def _columns(self) -> list[str]:
        named = [column for one in self._definitions for column in one.columns]
        return list(dict.fromkeys([self._key, EVENT, CREATED, *named]))

    def _definition(self) -> str:
        """Digest of all that turns rows into this view's features."""
        spec, own = self.portfolio.features, self.portfolio.folder / "features.py"
        view = spec.views[self.view]
        types = [f"{name} {column.type}" for name, column in spec.tables[view.table].columns.items()]
        features = [f"{name} {feature.model_dump_json()}" for name, feature in view.features.items()]
        code = own.read_text(encoding="utf-8") if own.exists() else ""
        return digest_of(code_digest(*_CODE), pl.__version__, code, spec.entity.model_dump_json(), *types, *features)

    def _ranges(self, at_once: int) -> list[Customers]:
        # A feature of the whole table needs the whole table.
        if self._reach == "table":
            return [EVERYONE]
        files = [self.lake.file(self.portfolio.name, "tables", self._table, month) for month in self.covers]
        return split(files, self._key, at_once)

    def _months(self, customers: Customers) -> list[Month]:
        within = None if customers.everyone else customers.within(self._key)
        rows = self.lake.read(self.portfolio.name, "tables", self._table, columns=self._columns, within=within)
        return [self._prints.take(month, known_in(rows, month, covers)) for month, covers in self.covers.items()]

    def _compute(self, months: list[Month], touched: set[str], keys: pl.DataFrame) -> pl.DataFrame:
        # A row's own features need its month only, those of an entity its history, those of the table everything.
        needed = [month for month in months if month.name in touched] if touched and self._reach == "row" else months
        rows = pl.concat([month.rows for month in needed])
        if self._reach != "table" or not touched:
            rows = rows.join(keys, on=self._key, how="semi", maintain_order="left")
        return compute(self.portfolio.features, self.view, rows)

    def _reached(self, touched: set[str]) -> set[str]:
        """The months whose feature rows may be other than they were: no row is known before what it is made of."""
        if self._reach == "row" or not touched:
            return touched
        return {month for month in self.covers if month >= min(touched)}

    def _wanted(self, touched: set[str]) -> set[str]:
        """The months to write: in most runs most have neither other rows nor other days."""
        reached = self._reached(touched)
        same = {month for month, covers in self.covers.items() if (b := self.built.get(month)) and b.covers == covers}
        return {month for month in self.covers if month in reached or month not in same}

    def _kept(self, month: str, customers: Customers, keys: pl.DataFrame) -> pl.DataFrame | None:
        if month not in self.built:
            return None
        file = self.lake.file(self.portfolio.name, "features", self.view, month)
        rows = read_file(file, within=None if customers.everyone else customers.within(self._key))
        return rows.join(keys, on=self._key, how="anti", maintain_order="left") if keys.height else rows

    def _page(self, month: str, *, fingerprints: bool = False) -> GrowingFile:
        file = self.lake.file(self.portfolio.name, "features", self.view, month)
        return GrowingFile(self.lake, self.portfolio.name, self._prints.file(month) if fingerprints else file)

    def _replace(self, month: str, page: GrowingFile) -> bool:
        covers, inputs = self.covers[month], page.digest
        if wants := self.lake.wants(self.portfolio.name, "features", self.view, month, covers=covers, inputs=inputs):
            page.replace({"covers": covers.isoformat(), "inputs": inputs})
        return wants

    def _note(self, prints: dict[str, GrowingFile], touched: set[str]) -> None:
        """Note what each was made from; only once every partition that these rows reach is written."""
        for month, page in prints.items():
            before = self.built.get(month)
            there = self.lake.partition(self.portfolio.name, "features", self.view, month)
            if there and (month in touched or before is None or there.inputs != before.inputs):
                page.replace(self._prints.notes(there))


def _add(pages: dict[str, GrowingFile], parts: dict[str, pl.DataFrame]) -> None:
    for month, rows in parts.items():
        pages[month].add(rows)
