"""Permitted uses: which features a model may read, derived from every column that a feature is made of."""

from collections.abc import Iterable
from dataclasses import dataclass

from features.definitions import Definition, define, permitted_uses
from features.spec import EVENT, FeatureSpec, Use
from features.transforms.registry import FeatureType


class ForbiddenUse(ValueError):
    """A feature or column would reach a use that it is not permitted for."""


@dataclass(frozen=True)
class FeatureColumn:
    """One input of a model: the feature's name, its view, its type, and the days after which it is stale."""

    name: str
    view: str
    dtype: FeatureType
    freshness: int


def select(spec: FeatureSpec, service: str) -> list[FeatureColumn]:
    """The features of a service in the order of the file; raises `ForbiddenUse` naming all that are not permitted."""
    if service not in spec.services:
        raise ForbiddenUse(f"no feature service {service!r}; expected one of {sorted(spec.services)}")
    use = spec.services[service].use
    chosen = [define(spec, view, feature) for view, feature in spec.chosen(service)]
    faults = [fault for definition in chosen for fault in _faults(spec, definition, use)]
    if faults:
        raise ForbiddenUse(f"service {service!r} is for use {use!r}: " + "; ".join(faults))
    return [_column(spec, definition) for definition in chosen]


def feature_uses(spec: FeatureSpec, view: str, feature: str) -> frozenset[Use]:
    """The uses a feature is permitted for: those that every column it reads permits."""
    definition = define(spec, view, feature)
    _refuse_undeclared(spec, definition)
    return permitted_uses(spec, definition)


def guard(spec: FeatureSpec, use: Use, columns: Iterable[str]) -> None:
    """Raise `ForbiddenUse` unless every one of `columns` is a feature permitted for `use`.

    For the last moment before a model sees a frame: a raw column, a key, a time or an unknown name is refused too.
    """
    owners = {feature: view for view, content in spec.views.items() for feature in content.features}
    faults = []
    for column in columns:
        if column not in owners:
            faults.append(f"{column!r} is not a feature of the portfolio")
        elif use not in feature_uses(spec, owners[column], column):
            faults += _faults(spec, define(spec, owners[column], column), use)
    if faults:
        raise ForbiddenUse(f"not permitted for use {use!r}: " + "; ".join(faults))


def _column(spec: FeatureSpec, definition: Definition) -> FeatureColumn:
    freshness = spec.views[definition.view].freshness
    return FeatureColumn(definition.name, definition.view, definition.transform.dtype, freshness)


def _faults(spec: FeatureSpec, definition: Definition, use: Use) -> list[str]:
    _refuse_undeclared(spec, definition)
    columns = spec.tables[spec.views[definition.view].table].columns
    return [
        f"feature {definition.name!r} reads {name!r}, which permits only {list(columns[name].uses) or 'nothing'}"
        for name in definition.columns
        if name != EVENT and use not in columns[name].uses
    ]


def _refuse_undeclared(spec: FeatureSpec, definition: Definition) -> None:
    # A transform could name a column in its code and in no parameter. The build computes each feature on a frame that
    # holds its declared columns only; this says it early and clearly.
    read = set(definition.expression().meta.root_names())
    hidden = read - set(definition.columns) - {spec.entity.key, EVENT}
    if hidden:
        raise ForbiddenUse(
            f"feature {definition.name!r}: transform {definition.transform.name!r} reads {sorted(hidden)} without a "
            "parameter for it; every column a transform reads must be one of its column parameters"
        )
