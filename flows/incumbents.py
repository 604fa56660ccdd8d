"""`lendloop incumbent import`: the decisions another system logged, brought in to run beside it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from features.spec import EVENT
from flows.locking import exclusive
from flows.onboarding.reading import read_flat_file
from flows.terminal import console, errors
from flows.workspace import open_workspace
from serving.incumbent import CONTENT, OUTCOMES, Imported, IncumbentError, Kind, keep_decisions

WAIT_SECONDS = 60.0
MOST_REASONS = 5


def import_decisions(portfolio: str, file: Path, columns: Mapping[str, str], mapping: str) -> Imported:
    """Bring the decisions of `file` into the lake; `columns`: our name of a column → the file's."""
    workspace = open_workspace(portfolio)
    kind: Kind = "risk" if workspace.policy.risk is not None else "propensity"
    words = parse_mapping(mapping, kind)
    with errors.status(f"reading {file}"):
        raw = _columns(file, columns, workspace.key)
        raw = raw.with_columns(pl.col("outcome").cast(pl.String).replace(words))
        source = hashlib.sha256(file.read_bytes()).hexdigest()
        with exclusive(workspace.settings, portfolio, wait=WAIT_SECONDS):
            found = keep_decisions(workspace.lake, portfolio, workspace.portfolio.features, kind, raw, source)
    _tell(portfolio, file, found)
    return found


def parse_mapping(text: str, kind: Kind) -> dict[str, str]:
    """`approve=A,decline=D`: the file's word → our outcome; several words may mean one outcome."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        outcome, sign, word = (one.strip() for one in part.partition("="))
        if not sign or not word or outcome not in OUTCOMES[kind]:
            expected = f"{' or '.join(OUTCOMES[kind])}=the file's word"
            raise IncumbentError(f"--mapping: found {part!r}; expected {expected}")
        if word in found:
            raise IncumbentError(f"--mapping: {word!r} is mapped twice; expected each word of the file once")
        found[word] = outcome
    return found


def parse_fields(fields: list[str]) -> dict[str, str]:
    """`annual_rate=APR`: a field of the application → the file's column."""
    allowed = [name for name in CONTENT if name not in ("outcome", "score", "probability")]
    found: dict[str, str] = {}
    for field in fields:
        name, sign, column = field.partition("=")
        if not sign or not column or name not in allowed:
            raise IncumbentError(f"--field: found {field!r}; expected {' or '.join(allowed)}=the file's column")
        found[name] = column
    return found


def _columns(file: Path, columns: Mapping[str, str], key: str) -> pl.DataFrame:
    """The wanted columns of the file under our names."""
    flat = read_flat_file(file)
    absent = [theirs for theirs in columns.values() if flat.headers.count(theirs) != 1]
    if absent:
        raise IncumbentError(f"{file}: columns {absent} are not there once; found {list(flat.headers)}")
    names = {"id": key, "time": EVENT}
    return flat.frame.select(
        pl.col(f"c{flat.headers.index(theirs)}").alias(names.get(ours, ours)) for ours, theirs in columns.items()
    )


def _tell(portfolio: str, file: Path, found: Imported) -> None:
    console.print(
        f"{file}: {found.rows_in:,} rows in = {found.new:,} new + {found.there:,} there already + "
        f"{found.quarantined:,} quarantined",
        highlight=False,
        soft_wrap=True,
    )
    for rule, count in list(found.reasons.items())[:MOST_REASONS]:
        console.print(f"  {count:,}: {rule}", highlight=False, soft_wrap=True)
    if found.quarantined:
        console.print(f"  each row with its reason: lake/{portfolio}/quarantine/incumbent", highlight=False)
