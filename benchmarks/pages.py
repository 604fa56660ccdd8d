"""Tables between marks of a page: what stands around them is people's."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def markdown(rows: Iterable[Sequence[str]]) -> str:
    """A table of which the first row is the head."""
    head, *rest = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rest))


def filled(page: str, tables: Mapping[str, str]) -> str:
    """The page with each table between `<!-- mark -->` and `<!-- /mark -->`."""
    for mark, table in tables.items():
        begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        head, begun, rest = page.partition(begin)
        _, ended, tail = rest.partition(end)
        if not (begun and ended):
            raise ValueError(f"found no {begin} … {end} in the page, expected both, each on a line of its own")
        page = f"{head}{begin}\n{table}\n{end}{tail}"
    return page
