"""The inputs of a brought model, matched by name to what the portfolio's feature service offers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from features.permitted import FeatureColumn, ForbiddenUse, guard, select
from features.spec import FeatureSpec
from features.transforms.registry import FeatureType

WORDS: dict[FeatureType, str] = {"float": "a number", "category": "a category"}


@dataclass(frozen=True)
class Wanted:
    """An input as the file names it; `where` is the place in the file that reads it, such as a line."""

    name: str
    dtype: FeatureType
    where: str = ""


@dataclass(frozen=True)
class Matched:
    """The portfolio's feature of each input, in the order of the inputs; every fault; features nothing reads.

    `silent`: features of the service that the model does not read and that others need with it.
    """

    columns: tuple[FeatureColumn, ...]
    silent: tuple[FeatureColumn, ...]
    faults: tuple[str, ...]
    unread: tuple[str, ...]


def match(
    inputs: Sequence[Wanted], names: Mapping[str, str], spec: FeatureSpec, service: str, also: Collection[str] = ()
) -> Matched:
    """The features of `service` that the inputs are, after the map of names; an input that is none is a fault.

    `also`: features that are needed whether or not the model reads them.
    """
    offered = {column.name: column for column in select(spec, service)}
    columns, faults, taken = [], [], set[str]()
    for wanted in inputs:
        ours = names.get(wanted.name, wanted.name)
        if fault := _fault(wanted, ours, offered, taken, spec, service):
            faults.append(f"{wanted.where}input {wanted.name!r}: {fault}")
        else:
            columns.append(offered[ours])
        taken.add(ours)
    unknown = sorted(set(names) - {wanted.name for wanted in inputs})
    faults += [
        f"names: the file has no input {name!r}; expected one of {[one.name for one in inputs]}" for name in unknown
    ]
    silent = tuple(column for name, column in offered.items() if name in also and name not in taken)
    unread = tuple(name for name in offered if name not in taken and name not in also)
    return Matched(tuple(columns), silent, tuple(faults), unread)


def _fault(
    wanted: Wanted, ours: str, offered: Mapping[str, FeatureColumn], taken: set[str], spec: FeatureSpec, service: str
) -> str | None:
    mapped = f" (mapped to {ours!r})" if ours != wanted.name else ""
    if ours in taken:
        return f"another input is feature {ours!r} already; expected each feature once"
    if ours not in offered:
        return _absent(ours, mapped, spec, service)
    if offered[ours].dtype != wanted.dtype:
        found, expected = WORDS[wanted.dtype], WORDS[offered[ours].dtype]
        return f"the file reads it as {found}{mapped}, and feature {ours!r} is {expected}; map it to another"
    return None


def _absent(ours: str, mapped: str, spec: FeatureSpec, service: str) -> str:
    view = next((name for name, content in spec.views.items() if ours in content.features), None)
    if view is None:
        return f"the portfolio has no feature {ours!r}{mapped}; map its name with --names, or add one to features.yaml"
    use = spec.services[service].use
    try:
        guard(spec, use, [ours])
    except ForbiddenUse as forbidden:
        return f"feature {ours!r} may not be used: {forbidden}"
    return f"feature {ours!r}{mapped} is in view {view!r} but not in service {service!r}; add it there in features.yaml"
