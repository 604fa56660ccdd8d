"""Where Feast's SQL stores keep a view: one table, a row for each value of an entity."""

from collections.abc import Mapping
from dataclasses import dataclass

from feast import FeatureView, RepoConfig
from feast.infra.online_stores.helpers import compute_table_id
from feast.value_type import ValueType

BATCH_ROWS = 5_000
COLUMNS = ("entity_key", "feature_name", "value", "value_text", "event_ts", "created_ts")
NOT_OVERTAKEN = (
    " WHERE excluded.event_ts > stored.event_ts OR excluded.event_ts = stored.event_ts"
    " AND (excluded.created_ts < stored.created_ts) IS NOT TRUE"
)
"""Which rows replace what is `stored`: of one event the one created later, as far as both times are known."""


@dataclass(frozen=True)
class SqlTable:
    """The name of a view's table, and the types of its join keys and features."""

    name: str
    keys: Mapping[str, ValueType]
    kinds: Mapping[str, ValueType]


def sql_table(config: RepoConfig, view: FeatureView, keys: Mapping[str, ValueType] | None) -> SqlTable:
    """The table of a view; `keys` are the types of the join keys, where they are others than the view says."""
    return SqlTable(
        compute_table_id(config.project, view, config.registry.enable_online_feature_view_versioning),
        keys or {column.name: column.dtype.to_value_type() for column in view.entity_columns},
        {field.name: field.dtype.to_value_type() for field in view.features},
    )
