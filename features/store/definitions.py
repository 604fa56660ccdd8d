"""What a portfolio registers in Feast: its entity, a view for each view, and a service for each service."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.data_format import ParquetFormat
from feast.types import Float64, Int64, PrimitiveFeastType, String

from features.definitions import define_view
from features.lake import Lake
from features.permitted import select
from features.portfolio import Portfolio
from features.spec import CREATED, EVENT
from features.transforms.registry import FeatureType

PARTITIONS = "known=*/part.parquet"
_TYPES: dict[FeatureType, PrimitiveFeastType] = {"float": Float64, "category": String}


@dataclass(frozen=True)
class Definitions:
    """Everything of one portfolio, by name."""

    entity: Entity
    views: dict[str, FeatureView]
    services: dict[str, FeatureService]

    def objects(self) -> list[Any]:
        """All of it, as Feast's `apply` takes it."""
        return [self.entity, *self.views.values(), *self.services.values()]

    def online(self) -> dict[str, FeatureView]:
        """The views that are materialized."""
        return {name: view for name, view in self.views.items() if view.online}


def define_store(portfolio: Portfolio, lake: Lake) -> Definitions:
    """The portfolio in Feast's terms; raises `ForbiddenUse` if a service would read what its use does not permit."""
    spec = portfolio.features
    chosen = {service: select(spec, service) for service in spec.services}
    kind = ValueType.INT64 if spec.entity.type == "int" else ValueType.STRING
    entity = Entity(
        name=spec.entity.name, join_keys=[spec.entity.key], value_type=kind, description=spec.entity.meaning
    )
    views = {name: _view(portfolio, lake, entity, name) for name in spec.views}
    services = {}
    for name, columns in chosen.items():
        wanted = {view: [one.name for one in columns if one.view == view] for view in spec.services[name].views}
        services[name] = FeatureService(name=name, features=[views[view][names] for view, names in wanted.items()])
    return Definitions(entity, views, services)


def online_view(name: str, entity_key: str, features: dict[str, FeatureType]) -> FeatureView:
    """A view as an online store needs it to read: name, key and features, without a source."""
    entity = Entity(name=entity_key, join_keys=[entity_key], value_type=ValueType.STRING)
    schema = [Field(name=entity_key, dtype=String), *(_field(*item) for item in features.items())]
    return FeatureView(name=name, entities=[entity], schema=schema, online=True)


def _view(portfolio: Portfolio, lake: Lake, entity: Entity, name: str) -> FeatureView:
    spec = portfolio.features
    key_type = Int64 if spec.entity.type == "int" else String
    features = [_field(one.name, one.transform.dtype) for one in define_view(spec, name)]
    source = FileSource(
        name=name,
        path=str(lake.folder(portfolio.name, "features", name).resolve() / PARTITIONS),
        file_format=ParquetFormat(),
        timestamp_field=EVENT,
        created_timestamp_column=CREATED,
    )
    return FeatureView(
        name=name,
        entities=[entity],
        ttl=timedelta(days=spec.views[name].freshness),
        schema=[Field(name=spec.entity.key, dtype=key_type), *features],
        source=source,
        online=spec.views[name].online,
        description=f"from table {spec.views[name].table}",
    )


def _field(name: str, kind: FeatureType) -> Field:
    return Field(name=name, dtype=_TYPES[kind])
