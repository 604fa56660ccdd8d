"""`features.yaml`: entity, canonical tables with permitted uses, views of features, and the feature services."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.documents import Document

Use = Literal["credit", "marketing", "fairness", "identity"]
ColumnType = Literal["int", "float", "bool", "category", "string", "timestamp"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]

EVENT = "event_timestamp"
CREATED = "created_timestamp"


class Entity(Document):
    """Whom the portfolio's features describe, and the column that names one."""

    name: Name
    key: Name
    type: Literal["int", "string"]
    meaning: str


class Column(Document):
    """One column of a canonical table: its type, what values it may hold, what it means, and what it may be used for."""

    type: ColumnType
    meaning: str
    uses: tuple[Use, ...] = Field(description="permitted uses; empty: may be used for nothing, only kept")
    range: tuple[float | None, float | None] | None = Field(None, description="smallest and largest value, null: open")
    categories: tuple[str | int, ...] | None = Field(None, description="every value a category may take")
    nullable: bool = False


class Table(Document):
    """A canonical table; entity key, `event_timestamp` and `created_timestamp` are in every one and not listed."""

    meaning: str
    columns: dict[Name, Column]
    unique: bool = Field(True, description="one row for each entity and event_timestamp")
    quarantine_limit: float = Field(0.01, ge=0, le=1, description="the largest share of bad rows a run accepts")


class Feature(BaseModel):
    """A feature: the name of a transform and its arguments; column names are arguments like any other."""

    model_config = ConfigDict(frozen=True, extra="allow")

    transform: str
    meaning: str = ""

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the transform."""
        return dict(self.model_extra or {})


class View(Document):
    """Features computed from one table, one row for each of its rows."""

    table: Name
    freshness: int = Field(gt=0, description="days after which a value is stale and must not approve anyone")
    online: bool = Field(True, description="whether the view is materialized to the online store")
    features: dict[Name, Feature]


class Service(Document):
    """The features one model reads; every one must be permitted for its use."""

    use: Use
    views: dict[Name, tuple[Name, ...] | Literal["all"]]


class FeatureSpec(Document):
    """The whole of `features.yaml`."""

    entity: Entity
    tables: dict[Name, Table]
    views: dict[Name, View]
    services: dict[Name, Service]

    @model_validator(mode="after")
    def _references_exist(self) -> "FeatureSpec":
        for name, view in self.views.items():
            if view.table not in self.tables:
                raise ValueError(f"view {name!r}: table {view.table!r} is not among {sorted(self.tables)}")
        for name, service in self.services.items():
            for view_name, chosen in service.views.items():
                if view_name not in self.views:
                    raise ValueError(f"service {name!r}: view {view_name!r} is not among {sorted(self.views)}")
                unknown = set(() if chosen == "all" else chosen) - set(self.views[view_name].features)
                if unknown:
                    raise ValueError(f"service {name!r}: view {view_name!r} has no feature {sorted(unknown)}")
        return self

    def chosen(self, service: str) -> list[tuple[str, str]]:
        """(view, feature) pairs of a service, in the order of the file: the order of every model's inputs."""
        pairs = []
        for view, names in self.services[service].views.items():
            pairs += [(view, name) for name in self.views[view].features if names == "all" or name in names]
        return pairs
