"""The registry of transforms: a name in `features.yaml`, checked arguments, and the Polars expression they make."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import polars as pl
from pydantic import BaseModel, BeforeValidator, ValidationError, create_model

from features.documents import Document

FeatureType = Literal["float", "category"]
Reach = Literal["row", "entity", "table"]


@dataclass(frozen=True)
class Reads:
    """Marks a parameter that names a column, and the column types it accepts."""

    types: frozenset[str]


_NUMBERS = frozenset({"int", "float", "bool"})
NumberColumn = Annotated[str, Reads(_NUMBERS)]
TextColumn = Annotated[str, Reads(frozenset({"category", "string", "bool", "int"}))]
TimeColumn = Annotated[str, Reads(frozenset({"timestamp"}))]
AnyColumn = Annotated[str, Reads(_NUMBERS | {"category", "string", "timestamp"})]


def written_category(value: object) -> object:
    """Refuse what YAML made of a bare `true` or `false`; for validators of category names."""
    if isinstance(value, bool):
        raise ValueError("YAML reads a bare true or false as a truth value: write it in quotes")
    return value


CategoryName = Annotated[str | int, BeforeValidator(written_category)]


class TransformError(ValueError):
    """A feature names a transform, argument or column that does not exist or does not fit.

    `faults` has a pair for each: the argument (or `transform`) and what was found and expected.
    """

    def __init__(self, faults: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{argument}: {problem}" for argument, problem in faults))
        self.faults = faults


@dataclass(frozen=True)
class Rows:
    """The rows a transform works on: names of the key and of the time, and windows that look back only.

    Rows come sorted by entity and event; for a transform that reaches the whole table, by event.
    """

    key: str
    event: str

    def history(self, expression: pl.Expr) -> pl.Expr:
        """`expression` over the rows of one entity in the order of their events.

        The general way; the ones below are ten to fifty times as fast and round alike however long the history is.
        """
        return expression.over(self.key, order_by=self.event)

    def lagged(self, value: pl.Expr, periods: int) -> pl.Expr:
        """`value`, `periods` rows of the same entity earlier; null where there is no such row."""
        same = pl.col(self.key) == pl.col(self.key).shift(periods)
        return value if periods == 0 else pl.when(same).then(value.shift(periods))

    def last(self, value: pl.Expr, window: int) -> list[pl.Expr]:
        """`value` of the entity's last `window` rows, this one first."""
        return [self.lagged(value, step) for step in range(window)]

    def before_this(self) -> pl.Expr:
        """How many earlier rows the entity has."""
        here = pl.int_range(pl.len())
        new = pl.col(self.key).ne_missing(pl.col(self.key).shift(1))
        return here - pl.when(new).then(here).forward_fill()

    def since(self, hit: pl.Expr) -> pl.Expr:
        """Rows since the entity's last one where `hit` (never null) is true, 0 for this one; null if there is none."""
        here = pl.int_range(pl.len())
        past = here - pl.when(hit).then(here).forward_fill()
        return pl.when(past <= self.before_this()).then(past)

    def before(self, expression: pl.Expr, days: int) -> pl.Expr:
        """`expression` over the whole table's rows in the `days` days before the event, its own instant left out."""
        return expression.rolling(index_column=self.event, period=f"{days}d", closed="left")


def number(column: str) -> pl.Expr:
    """`column` as a float; a contract lets only finite ones through."""
    return pl.col(column).cast(pl.Float64)


@dataclass(frozen=True)
class Transform:
    """A named, pure function from columns to one feature.

    `reach` says which rows a value may depend on, all of them at or before its own event: only its own row, the rows
    of its entity, or the rows of the whole table.
    """

    name: str
    build: Callable[..., pl.Expr]
    dtype: FeatureType
    reach: Reach
    parameters: Mapping[str, inspect.Parameter]
    model: type[BaseModel] = field(repr=False)

    def checked(self, arguments: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
        """`arguments` with defaults filled in; `types` gives the type of each column they may name."""
        try:
            values = dict(self.model.model_validate(dict(arguments)))
        except ValidationError as error:
            raise TransformError([self._fault(one) for one in error.errors(include_url=False)]) from None
        if faults := list(self._faults_of_columns(values, types)):
            raise TransformError(faults)
        return values

    def columns(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that checked `arguments` name, each once, in order."""
        return tuple(dict.fromkeys(column for _, _, column in self._named_columns(arguments)))

    def expression(self, rows: Rows, arguments: Mapping[str, Any]) -> pl.Expr:
        """The feature as an expression; checked `arguments` required. Infinities become null."""
        value = self.build(rows, **arguments)
        if self.dtype == "category":
            return value.cast(pl.String)
        value = value.cast(pl.Float64)
        return pl.when(value.is_finite()).then(value)

    def signature(self) -> str:
        """The transform as one would write a call: names and defaults."""
        return f"{self.name}({', '.join(_shown(parameter) for parameter in self.parameters.values())})"

    def _fault(self, error: Any) -> tuple[str, str]:
        argument = str(error["loc"][0]) if error["loc"] else "transform"
        if error["type"] == "extra_forbidden":
            return argument, f"unknown argument of {self.name!r}; it takes {self.signature()}"
        if error["type"] == "missing":
            return argument, f"missing argument of {self.name!r}; it takes {self.signature()}"
        return argument, f"found {error['input']!r}, expected: {error['msg']}; it takes {self.signature()}"

    def _named_columns(self, values: Mapping[str, Any]) -> Iterator[tuple[str, Reads, str]]:
        for name, parameter in self.parameters.items():
            if (reads := _reads(parameter.annotation)) is not None:
                value = values[name] or ()
                yield from ((name, reads, one) for one in ([value] if isinstance(value, str) else value))

    def _faults_of_columns(self, values: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for name, reads, column in self._named_columns(values):
            if column not in types:
                yield name, f"no column {column!r} in the table; it has {sorted(types)}"
            elif types[column] not in reads.types:
                fitting = sorted(name for name, type in types.items() if type in reads.types)
                yield name, f"column {column!r} is of type {types[column]}; {self.name!r} takes one of {fitting}"


def _shown(parameter: inspect.Parameter) -> str:
    bare = parameter.default is inspect.Parameter.empty
    return parameter.name if bare else f"{parameter.name}={parameter.default!r}"


def _reads(annotation: Any) -> Reads | None:
    found = next((one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Reads)), None)
    if found is None and get_origin(annotation) in (tuple, Union, UnionType, Annotated):
        found = next(filter(None, map(_reads, get_args(annotation))), None)
    return found


class Registry:
    """Transforms by name."""

    def __init__(self, *above: "Registry") -> None:
        self._found: dict[str, Transform] = {}
        for registry in above:
            if twice := sorted(set(self._found) & set(registry._found)):
                raise ValueError(f"transforms {twice} exist already: choose other names")
            self._found.update(registry._found)

    def transform(
        self, name: str, *, type: FeatureType = "float", reach: Reach = "row"
    ) -> Callable[[Callable[..., pl.Expr]], Callable[..., pl.Expr]]:
        """Register a function `(rows: Rows, …) -> pl.Expr` as the transform `name`.

        Its parameters are annotated; those that name columns with NumberColumn, TextColumn, TimeColumn or AnyColumn
        (or a tuple of them): permitted uses are derived from them, and the function is given no other column.
        """

        def register(build: Callable[..., pl.Expr]) -> Callable[..., pl.Expr]:
            if name in self._found:
                raise ValueError(f"there is a transform {name!r} already: choose another name")
            self._found[name] = _declared(name, build, type, reach)
            return build

        return register

    def __getitem__(self, name: str) -> Transform:
        if name not in self._found:
            raise TransformError([("transform", f"no transform {name!r}; expected one of {self.names()}")])
        return self._found[name]

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._found)


def _declared(name: str, build: Callable[..., pl.Expr], type: FeatureType, reach: Reach) -> Transform:
    signature = inspect.signature(build, eval_str=True)
    parameters = dict(list(signature.parameters.items())[1:])
    fields: dict[str, Any] = {
        key: (parameter.annotation, ... if parameter.default is inspect.Parameter.empty else parameter.default)
        for key, parameter in parameters.items()
    }
    model = create_model(f"Arguments of {name}", __base__=Document, **fields)
    return Transform(name, build, type, reach, parameters, model)


BUILT_IN = Registry()
transform = BUILT_IN.transform
