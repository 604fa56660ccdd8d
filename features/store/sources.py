"""The Parquet files that a view of Feast's is stored in, and what its columns are called there."""

from pathlib import Path

from feast import FeatureView, FileSource, RepoConfig
from feast.data_format import ParquetFormat

from features.store.asof import FeatureFiles
from features.store.failures import StoreError

_OTHER_DATA = {".csv", ".json", ".jsonl", ".orc", ".avro", ".arrow", ".feather", ".gz", ".zip"}


class OfflineStoreError(StoreError):
    """What was asked cannot be joined; the message says what was found and what was expected."""


def files_of(config: RepoConfig, view: FeatureView, names: list[str], full: bool) -> FeatureFiles:
    """Where the rows of a view are, and what its columns are called there."""
    source = view.batch_source
    if not isinstance(source, FileSource) or not isinstance(source.file_format or ParquetFormat(), ParquetFormat):
        raise OfflineStoreError(f"view {view.name!r}: found source {source!r}, expected Parquet files on this machine")
    in_files = {new: old for old, new in (source.field_mapping or {}).items()}
    prefix = f"{view.projection.name_to_use()}__" if full else ""  # type: ignore[no-untyped-call]
    joined = view.projection.join_key_map
    created = source.created_timestamp_column
    return FeatureFiles(
        found_at(view.name, FileSource.get_uri_for_file_path(config.repo_path, source.path)),
        keys={joined.get(one.name, one.name): in_files.get(one.name, one.name) for one in view.entity_columns},
        columns={f"{prefix}{name}": in_files.get(name, name) for name in names},
        event=in_files.get(source.timestamp_field, source.timestamp_field),
        created=in_files.get(created, created) or None,
        freshness=view.ttl or None,
    )


def found_at(view: str, path: str) -> list[Path]:
    """The files at a path: one, all of a folder, or those that fit a pattern."""
    place = Path(path)
    if place.is_file():
        return [place]
    files = (
        place.rglob("*.parquet") if place.is_dir() else Path(place.anchor).glob(str(place.relative_to(place.anchor)))
    )
    found = sorted(file for file in files if file.is_file())
    if place.is_dir():
        _check_folder(view, place)
    if not found:
        raise OfflineStoreError(f"view {view!r}: found no Parquet file at {path}; look at its source, or write one")
    return found


def _check_folder(view: str, folder: Path) -> None:
    """Refuse data that would be passed over; what begins with a dot or `_`, or is being written, is not to be read."""
    inside = [
        file for file in folder.rglob("*") if file.suffix not in (".parquet", ".tmp") and file.name[0] not in "._"
    ]
    if other := sorted(file for file in inside if file.is_file() and _is_data(file)):
        raise OfflineStoreError(
            f"view {view!r}: found {other[0]}, expected Parquet files called *.parquet alone in a folder;"
            " rename it, move it away, or give a pattern such as *.pq as the path"
        )


def _is_data(file: Path) -> bool:
    if file.suffix in _OTHER_DATA:
        return True
    with file.open("rb") as content:
        return content.read(4) == b"PAR1"
