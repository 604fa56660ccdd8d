"""A feature of `features.yaml` resolved: its transform, checked arguments, and the columns it reads."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from features.documents import DocumentError, place
from features.spec import EVENT, USES, FeatureSpec, Use
from features.transforms.registry import Rows, Transform, TransformError


@dataclass(frozen=True)
class Definition:
    """One feature, ready to compute."""

    view: str
    name: str
    transform: Transform
    arguments: Mapping[str, Any]
    columns: tuple[str, ...]
    rows: Rows

    def expression(self) -> pl.Expr:
        """The feature's values under its name."""
        return self.transform.expression(self.rows, self.arguments).alias(self.name)


def define(spec: FeatureSpec, view: str, feature: str) -> Definition:
    """The feature resolved against the spec's transforms; raises `TransformError`."""
    written = spec.views[view].features[feature]
    chosen = spec.transforms[written.transform]
    arguments = chosen.checked(written.arguments, column_types(spec, spec.views[view].table))
    rows = Rows(spec.entity.key, EVENT)
    return Definition(view, feature, chosen, arguments, chosen.columns(arguments), rows)


def define_view(spec: FeatureSpec, view: str) -> list[Definition]:
    """All features of a view, in the order of the file."""
    return [define(spec, view, feature) for feature in spec.views[view].features]


def column_types(spec: FeatureSpec, table: str) -> dict[str, str]:
    """Type of each column a feature may name; the entity key is none of them, it identifies and says nothing."""
    return {EVENT: "timestamp"} | {name: column.type for name, column in spec.tables[table].columns.items()}


def permitted_uses(spec: FeatureSpec, definition: Definition) -> frozenset[Use]:
    """The uses that every column the feature reads permits; when an event happened may be used for anything."""
    columns = spec.tables[spec.views[definition.view].table].columns
    return USES.intersection(*(columns[name].uses for name in definition.columns if name != EVENT))


def check_definitions(spec: FeatureSpec, path: Path) -> None:
    """Raise `DocumentError` with file, line and key of every feature that cannot be resolved."""
    faults = [f"{place(path, key)}: {problem}" for key, problem in _faults(spec)]
    if faults:
        raise DocumentError("\n".join(faults))


def _faults(spec: FeatureSpec) -> Iterator[tuple[tuple[str, ...], str]]:
    for view, content in spec.views.items():
        for feature in content.features:
            try:
                define(spec, view, feature)
            except TransformError as error:
                yield from ((("views", view, "features", feature, argument), text) for argument, text in error.faults)
