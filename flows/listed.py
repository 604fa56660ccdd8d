"""Whether an entry of a negative list can ever match: a policy names the list, and an entity is an id there."""

from collections.abc import Iterable, Iterator, Sequence

from features.portfolio import Portfolio, list_portfolios, open_portfolio
from flows.workspace import Workspace
from infra.settings import Settings
from serving.desk import is_id
from serving.lists.entry import BadEntry, Entry


def refuse_no_ids(settings: Settings, entries: Iterable[tuple[str, Entry]]) -> None:
    """Raise `BadEntry` for an entity that no decision of its portfolio can be about; each comes with its place."""
    opened: dict[str, Portfolio] = {}
    for place, entry in entries:
        name = entry.named.portfolio
        if entry.named.kind != "entity" or not name:
            continue
        if name not in opened:
            opened[name] = open_portfolio(settings.portfolios, name, made=settings.made)
        of = opened[name].features.entity.type
        if not is_id(entry.named.value.strip(), of):
            expected = "an integer without leading zeros" if of == "int" else "text of up to 128 characters"
            raise BadEntry(f"{place}value: expected an id as decisions of {name} have it, {expected}")


def unnamed(settings: Settings, name: str, entries: Sequence[Entry]) -> str | None:
    """In words, why decisions will not look at entries of this list; None: they do, or it cannot be told."""
    try:
        naming = set(_naming(settings, name))
    except (ValueError, OSError):  # a file that is wrong may be the one that names it; its own commands tell
        return None
    if not naming:
        return f"no policy of any portfolio names the list {name}: it matches nothing; name it under `lists` of one"
    theirs = {entry.named.portfolio for entry in entries if entry.named.kind == "entity"} - naming
    if theirs:
        return f"the policy of {', '.join(sorted(theirs))} does not name the list {name}: its entities match nothing"
    return None


def _naming(settings: Settings, name: str) -> Iterator[str]:
    for portfolio in list_portfolios(settings.portfolios):
        workspace = Workspace(settings, open_portfolio(settings.portfolios, portfolio, made=settings.made))
        risk = workspace.policy.risk
        if risk is not None and name in risk.lists:
            yield portfolio
