"""Build: canonical tables to feature tables, one row for each row of the view's table."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from features.calendar import month_end, month_of
from features.definitions import Definition, define_view
from features.digests import code_digest, digest_of, rows_digest
from features.fingerprints import Fingerprints, Month
from features.lake import Lake, NoData, Partition, known_in
from features.portfolio import Portfolio
from features.spec import CREATED, EVENT, FeatureSpec
from features.transforms.registry import Reach
from features.versions import made_known, snapshots

_PLACE = "__place"  # remembers the rows' order while features of the whole table see them in another
_CODE = ("build.py", "versions.py", "definitions.py", "transforms/*.py")


@dataclass(frozen=True)
class BuiltView:
    """What a build did with one view: feature rows known at the date, and whether all were there already."""

    view: str
    rows: int
    reused: bool


def build_features(
    portfolio: Portfolio, lake: Lake, as_of: date, services: Iterable[str] | None = None
) -> list[BuiltView]:
    """Compute the views that `services` read (None: every view) from the rows known at the end of `as_of`.

    They are added to the lake's `features` layer.
    """
    return [_build(portfolio, lake, view, as_of) for view in portfolio.features.views_of(services)]


def compute(spec: FeatureSpec, view: str, table: pl.DataFrame) -> pl.DataFrame:
    """All versions of a view's feature rows from the known rows of its table, sorted by key, event, created."""
    definitions, key = define_view(spec, view), spec.entity.key
    reach = _widest(definitions)
    parts = [_features(definitions, made_known(known, key, reach), key) for known in snapshots(table, key, reach)]
    if len(parts) == 1:
        return parts[0]
    return pl.concat(parts).unique([key, EVENT, CREATED], keep="last").sort(key, EVENT, CREATED)


def _widest(definitions: list[Definition]) -> Reach:
    reaches = {definition.transform.reach for definition in definitions}
    return "table" if "table" in reaches else "entity" if "entity" in reaches else "row"


def _features(definitions: list[Definition], rows: pl.DataFrame, key: str) -> pl.DataFrame:
    # Each feature sees the columns it declares and no other: what permitted uses are derived from is what is read.
    # Features of the same columns and order share a frame, so that Polars groups by entity once for all of them.
    rows = _plain(rows.sort(key, EVENT).with_row_index(_PLACE))
    in_order = {"entity": rows, "table": _plain(rows.sort(EVENT, key))}
    done = rows.select(key, EVENT, CREATED)
    for order, columns in dict.fromkeys(_frame_of(one) for one in definitions):
        alike = {one.name: one.expression() for one in definitions if _frame_of(one) == (order, columns)}
        computed = in_order[order].select({_PLACE, key, EVENT, *columns}).with_columns(**alike)
        done = done.hstack(computed.sort(_PLACE).select(alike.keys()))
    return done.select(key, EVENT, CREATED, *[definition.name for definition in definitions])


def _plain(rows: pl.DataFrame) -> pl.DataFrame:
    # Polars may hold a constant column as one value, and divides by it by multiplying with its reciprocal: the last
    # digit of a feature would then depend on what other rows there are.
    return pl.DataFrame(rows.get_columns())


def _frame_of(definition: Definition) -> tuple[str, tuple[str, ...]]:
    return "table" if definition.transform.reach == "table" else "entity", definition.columns


def _build(portfolio: Portfolio, lake: Lake, view: str, as_of: date) -> BuiltView:
    name, source = portfolio.name, portfolio.features.views[view].table
    sources = lake.partitions(name, "tables", source)
    due = [one for one in sources if one.month <= month_of(as_of)]
    if not due or due[-1].month != month_of(as_of) or due[-1].covers < as_of:
        command = f"`lendloop run ingest --portfolio {name} --as-of {as_of}`"
        raise NoData(f"{name}: table {source!r} is not in the lake up to {as_of}; run {command} first")
    built = {one.month: one for one in lake.partitions(name, "features", view)}
    # Months that were built for a later date too: a row that changes here may have a part in theirs.
    wanted = [one.month for one in sources if one in due or one.month in built]
    covers = {month: _covers(month, as_of, built.get(month)) for month in wanted}
    wrote = _Update(portfolio, lake, view, built, covers).run()
    return BuiltView(view, lake.read(name, "features", view, as_of=as_of, columns=[CREATED]).height, not wrote)


def _covers(month: str, as_of: date, there: Partition | None) -> date:
    end = min(month_end(date.fromisoformat(f"{month}-01")), as_of)
    return max(end, there.covers) if there else end


@dataclass(frozen=True)
class _Update:
    """A view brought up to date: features of the entities whose rows have changed, from the month they changed in.

    `built` are the view's partitions; `covers` says of each month the last day that its partition shall cover.
    """

    portfolio: Portfolio
    lake: Lake
    view: str
    built: dict[str, Partition]
    covers: dict[str, date]

    def run(self) -> bool:
        """Write each partition whose rows or days are other than they were; whether there was one."""
        prints = Fingerprints(self.lake, self.portfolio.name, self.view, self._key, self._definition())
        months = self._months(prints)
        changed = {month.name: prints.changed(month, self.built.get(month.name)) for month in months}
        touched = [month for month in months if (keys := changed[month.name]) is None or keys.height]
        # Of a month made from something else altogether, all entities; they alone have rows in its partition.
        stale = [month.fingerprints.select(self._key) if (k := changed[month.name]) is None else k for month in touched]
        keys = pl.concat(stale).unique() if stale else months[0].fingerprints.select(self._key).clear()
        made, reached = self._compute(months, touched, keys), self._reached(touched)
        wrote = False
        for month, covers in self.covers.items():
            if month not in reached and (there := self.built.get(month)) and there.covers == covers:
                continue  # nothing of it has changed: most months, in most runs
            forgotten = changed[month] is None or (month in reached and self._reach == "table")
            kept = None if forgotten else self._kept(month, keys if month in reached else keys.clear())
            wrote |= self._write(month, known_in(made, month, covers) if month in reached else made.clear(), kept)
        self._note(prints, months, {month.name for month in touched})
        return wrote

    @property
    def _key(self) -> str:
        return self.portfolio.features.entity.key

    @cached_property
    def _definitions(self) -> list[Definition]:
        return define_view(self.portfolio.features, self.view)

    @cached_property
    def _reach(self) -> Reach:
        return _widest(self._definitions)

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

    def _months(self, prints: Fingerprints) -> list[Month]:
        table = self.portfolio.features.views[self.view].table
        rows = self.lake.read(self.portfolio.name, "tables", table, columns=self._columns)
        return [prints.take(month, known_in(rows, month, covers)) for month, covers in self.covers.items()]

    def _compute(self, months: list[Month], touched: list[Month], keys: pl.DataFrame) -> pl.DataFrame:
        # A row's own features need its month only, those of an entity its history, those of the table everything.
        needed = touched if touched and self._reach == "row" else months
        rows = pl.concat([month.rows for month in needed])
        if self._reach != "table" or not touched:
            rows = rows.join(keys, on=self._key, how="semi", maintain_order="left")
        return compute(self.portfolio.features, self.view, rows)

    def _reached(self, touched: list[Month]) -> set[str]:
        """The months whose feature rows may be other than they were: no row is known before what it is made of."""
        names = {month.name for month in touched}
        return names if self._reach == "row" or not names else {month for month in self.covers if month >= min(names)}

    def _kept(self, month: str, keys: pl.DataFrame) -> pl.DataFrame | None:
        if month not in self.built:
            return None
        file = self.lake.file(self.portfolio.name, "features", self.view, month)
        rows = pl.read_parquet(file, hive_partitioning=False)
        return rows.join(keys, on=self._key, how="anti", maintain_order="left") if keys.height else rows

    def _write(self, month: str, made: pl.DataFrame, kept: pl.DataFrame | None) -> bool:
        rows = made if kept is None else pl.concat([kept, made]).sort(self._key, EVENT, CREATED)
        inputs, covers = rows_digest(rows), self.covers[month]
        return self.lake.write(self.portfolio.name, "features", self.view, month, rows, covers=covers, inputs=inputs)

    def _note(self, prints: Fingerprints, months: list[Month], touched: set[str]) -> None:
        for month in months:
            before = self.built.get(month.name)
            there = self.lake.partition(self.portfolio.name, "features", self.view, month.name)
            if there and (month.name in touched or before is None or there.inputs != before.inputs):
                prints.note(month, there)
