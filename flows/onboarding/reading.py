"""A flat file as a lender sends it → its header and its columns, before anything is made of them."""

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.unquoted import unquoted
from flows.onboarding.request import OnboardingError

ENCODINGS = ("utf-8-sig", "gb18030", "cp1252")
SEPARATORS = (",", ";", "\t", "|")
MISSING_WORDS = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "--", ".", "?", "\\n")
FORMATS = ".csv, .csv.gz, .txt, .tsv (either may be gzipped) or .parquet"


@dataclass(frozen=True)
class FlatFile:
    """The header as written, and the columns under the names `c0`, `c1`, …; `notes` say how the file was read."""

    headers: tuple[str, ...]
    frame: pl.DataFrame
    notes: tuple[str, ...]


def read_flat_file(path: Path) -> FlatFile:
    """Read a delimited text file (all columns text, blanks null) or a Parquet file (columns as they are typed)."""
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "no such file"
        raise OnboardingError(f"{path}: {found}; expected a {FORMATS} file")
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        return _of_parquet(path)
    if name.removesuffix(".gz").endswith((".csv", ".txt", ".tsv")):
        return _of_text(path)
    raise OnboardingError(f"{path}: found the ending {path.suffix!r}, expected {FORMATS}")


def _of_parquet(path: Path) -> FlatFile:
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise OnboardingError(f"{path}: cannot be read as Parquet: {unquoted(error)}") from None
    headers = tuple(frame.columns)
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested() or dtype in (pl.Binary, pl.Object)]
    if nested:
        raise OnboardingError(f"{path}: columns {nested} are nested or binary; expected numbers, text, dates or flags")
    frame.columns = _positions(len(headers))
    return _checked(path, FlatFile(headers, frame, ()))


def _of_text(path: Path) -> FlatFile:
    text, encoding = _decoded(path)
    separator = separator_of(text)
    try:
        frame = pl.read_csv(io.BytesIO(text.encode()), has_header=False, infer_schema=False, separator=separator)
    except pl.exceptions.NoDataError:
        raise OnboardingError(f"{path}: is empty; expected a header and rows") from None
    except pl.exceptions.PolarsError as error:
        raise OnboardingError(_ragged(path, text, separator) or f"{path}: cannot be read: {unquoted(error)}") from None
    headers = tuple((name or "").strip() for name in frame.row(0))
    frame = frame.slice(1).rename(dict(zip(frame.columns, _positions(len(headers)), strict=True)))
    stripped = pl.all().str.strip_chars()
    frame = frame.with_columns(pl.when(~stripped.str.to_lowercase().is_in(MISSING_WORDS)).then(stripped).name.keep())
    notes = [f"separator {separator!r}"] if separator != "," else []
    notes += [f"encoding {encoding}"] if encoding != "utf-8-sig" else []
    filled = frame.filter(~pl.all_horizontal(pl.all().is_null()))
    blank = len(frame) - len(filled)
    notes += [f"{blank:,} rows without any value, left out"] if blank else []
    return _checked(path, FlatFile(headers, filled, tuple(notes)))


def _checked(path: Path, file: FlatFile) -> FlatFile:
    if file.frame.is_empty():
        raise OnboardingError(f"{path}: has a header and no rows; expected at least some hundred rows")
    if len(file.headers) < 3:
        raise OnboardingError(
            f"{path}: found the columns {list(file.headers)}; expected a time, a label and at least one feature, "
            "separated by comma, semicolon, tab or |"
        )
    return file


def _positions(count: int) -> list[str]:
    return [f"c{position}" for position in range(count)]


def _decoded(path: Path) -> tuple[str, str]:
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise OnboardingError(f"{path}: cannot be read: {error}") from None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16"), "utf-16"
    for encoding in ENCODINGS:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text.lstrip("\n\r"), encoding
    raise OnboardingError(f"{path}: is not text; expected {FORMATS}")


def separator_of(text: str) -> str:
    """The separator that splits the header and the first lines into the most fields, the same number in each."""
    lines = [line for line in text[:200_000].splitlines()[:20] if line.strip()]
    if not lines:
        return ","
    counts = {one: [_outside_quotes(line, one) for line in lines[:-1] or lines] for one in SEPARATORS}
    return max(SEPARATORS, key=lambda one: (min(counts[one]) > 0, counts[one].count(counts[one][0]) * counts[one][0]))


def _outside_quotes(line: str, separator: str) -> int:
    return sum(part.count(separator) for part in line.split('"')[::2])


def _ragged(path: Path, text: str, separator: str) -> str | None:
    import csv

    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        expected = len(next(rows))
        for row in rows:
            if len(row) > expected:
                return (
                    f"{path}:{rows.line_num}: found {len(row)} fields, expected {expected} as in the header; "
                    f"is a {separator!r} inside a text that is not in quotes?"
                )
    except (csv.Error, StopIteration):
        return None
    return None
