"""`features.yaml`: entity, canonical tables with permitted uses, views of features, and the feature services."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from features.documents import Document, Key, misplaced
from features.transforms.registry import BUILT_IN, CategoryName, Registry

Use = Literal["credit", "marketing", "fairness", "identity"]
ColumnType = Literal["int", "float", "bool", "category", "string", "timestamp"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]

USES: frozenset[Use] = frozenset(get_args(Use))
EVENT = "event_timestamp"
CREATED = "created_timestamp"


class Entity(Document):
    """Whom the portfolio's features describe, and the column that names one."""

    name: Name
    key: Name
    type: Literal["int", "string"]
    meaning: str


class Column(Document):
    """One column of a canonical table: its type, its values, what it means, and what it may be used for."""

    type: ColumnType
    meaning: str
    uses: tuple[Use, ...] = Field(description="permitted uses; empty: may be used for nothing, only kept")
    range: tuple[float | None, float | None] | None = Field(None, description="smallest and largest value, null: open")
    categories: tuple[CategoryName, ...] | None = Field(None, description="every value a category may take; null: any")
    nullable: bool = False

    @model_validator(mode="after")
    def _limits_fit_the_type(self) -> "Column":
        if self.categories is not None and self.type != "category":
            raise ValueError(f"categories are for type category, found type {self.type}")
        if self.range is not None and self.type not in ("int", "float"):
            raise ValueError(f"a range is for type int or float, found type {self.type}")
        low, high = self.range or (None, None)
        if low is not None and high is not None and low > high:
            raise ValueError(f"the range is empty: {low} is above {high}")
        return self


class Table(Document):
    """A canonical table; entity key, `event_timestamp` and `created_timestamp` are in every one and not listed."""

    meaning: str
    columns: dict[Name, Column]
    unique: bool = Field(
        True, description="one row for each entity and event_timestamp; a later created one corrects it"
    )
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
    freshness: int = Field(gt=0, le=50_000, description="days after which a value is stale and must not approve anyone")
    online: bool = Field(True, description="whether the view is materialized to the online store")
    features: dict[Name, Feature] = Field(min_length=1)


class Service(Document):
    """The features one model reads; every one must be permitted for its use."""

    use: Use
    views: dict[Name, tuple[Name, ...] | Literal["all"]] = Field(min_length=1)


class FeatureSpec(Document):
    """The whole of `features.yaml`."""

    entity: Entity
    made_by: str | None = Field(
        None, description="the command that makes the raw files, which are then in the home; null: they are in data/"
    )
    tables: dict[Name, Table] = Field(min_length=1)
    views: dict[Name, View]
    services: dict[Name, Service]
    _registry: Registry = PrivateAttr(default_factory=lambda: BUILT_IN)

    @model_validator(mode="after")
    def _names_fit_together(self) -> "FeatureSpec":
        if faults := [*self._faults_of_columns(), *self._faults_of_views(), *self._faults_of_services()]:
            raise misplaced(faults)
        return self

    def _faults_of_columns(self) -> Iterator[tuple[Key, str]]:
        for table, content in self.tables.items():
            for column in sorted({self.entity.key, EVENT, CREATED} & set(content.columns)):
                yield ("tables", table, "columns", column), "is in every table already: do not list it"

    def _faults_of_views(self) -> Iterator[tuple[Key, str]]:
        owners: dict[str, str] = {}
        for name, view in self.views.items():
            if view.table not in self.tables:
                yield ("views", name, "table"), f"no table {view.table!r}; expected one of {sorted(self.tables)}"
            elif not self.tables[view.table].unique:
                yield ("views", name, "table"), f"table {view.table!r} is not unique; features need one row an event"
            for feature in view.features:
                place = ("views", name, "features", feature)
                if feature in (self.entity.key, EVENT, CREATED):
                    yield place, "is a column of every feature table: choose another name"
                if feature in owners:
                    yield place, f"view {owners[feature]!r} has a feature of this name; names are unique over the views"
                owners.setdefault(feature, name)

    def _faults_of_services(self) -> Iterator[tuple[Key, str]]:
        for name, service in self.services.items():
            for view, chosen in service.views.items():
                place = ("services", name, "views", view)
                if view not in self.views:
                    yield place, f"no view {view!r}; expected one of {sorted(self.views)}"
                elif unknown := set(() if chosen == "all" else chosen) - set(self.views[view].features):
                    yield place, f"no feature {sorted(unknown)}; the view has {sorted(self.views[view].features)}"

    def chosen(self, service: str) -> list[tuple[str, str]]:
        """(view, feature) pairs of a service, in the order of the file: the order of every model's inputs."""
        pairs = []
        for view, names in self.services[service].views.items():
            pairs += [(view, name) for name in self.views[view].features if names == "all" or name in names]
        return pairs

    def views_of(self, services: Iterable[str] | None) -> list[str]:
        """The views that `services` (None: any, in a service or not) read, in the order of the file."""
        read = self.views if services is None else {view for one in services for view in self.services[one].views}
        return [name for name in self.views if name in read]

    @property
    def transforms(self) -> Registry:
        """The transforms this portfolio's features may name: the built-in ones and its own."""
        return self._registry

    def with_transforms(self, registry: Registry) -> "FeatureSpec":
        """The same document, its features resolved against `registry`."""
        copy = self.model_copy()
        copy._registry = registry
        return copy
