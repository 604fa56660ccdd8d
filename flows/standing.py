"""How each portfolio stands, for the doctor: who works on it, which release serves, and how old its features are."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from flows.hints import month_command, yesterday
from flows.locking import open_locks
from flows.reachable import Finding
from infra.settings import Settings
from serving.pointers import CHALLENGER_FAULT, pointed, read_fault

if TYPE_CHECKING:
    from training.registry import Registry


def standing(settings: Settings) -> Iterator[Finding]:
    """The findings of every portfolio; nothing is made, and MLflow is not asked where there is none yet."""
    from features.portfolio import list_portfolios

    names = list_portfolios(settings.portfolios)
    yield from _told("locks", partial(_locks, settings, names))
    if not names or _is_new(settings):
        return
    from flows.workspace import open_registry

    registry = open_registry(settings)
    for name in names:
        yield from _told(f"release of {name}", partial(_release, settings, registry, name))
        yield from _told(f"challenger of {name}", partial(_challenger, settings, registry, name))
        yield from _told(f"features of {name}", partial(_features, settings, name))


def _is_new(settings: Settings) -> bool:
    scheme, _, file = settings.mlflow_url.partition(":///")
    return scheme == "sqlite" and not Path(file).exists()


def _told(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:  # whatever a store comes up with is the finding
        yield Finding("fail", what, str(error).strip() or type(error).__name__, "see the lines of the stores above")


def _locks(settings: Settings, names: list[str]) -> Iterator[Finding]:
    locks = open_locks(settings)
    held = [f"{name} by {holder}" for name in names if (holder := locks.holder(name))]
    yield Finding("ok", "locks", f"held: {', '.join(held)}" if held else "no run holds a portfolio")


def _release(settings: Settings, registry: "Registry", name: str) -> Iterator[Finding]:
    what, served = f"release of {name}", pointed(settings.releases, name)
    champion = registry.champion_sha(name)
    if champion is None:
        yield Finding("ok", what, f"no champion yet; {month_command(name)} makes one")
    elif served is None:
        yield Finding("ok", what, f"champion {champion[:12]}; none was served from this home yet")
    elif served == champion:
        yield Finding("ok", what, f"champion {champion[:12]} is what this home serves")
    else:
        remedy = "start the service, or see the fault of the portfolio in its /v1/releases"
        yield Finding("warn", what, f"champion {champion[:12]}, but this home serves {served[:12]}", remedy)


def _challenger(settings: Settings, registry: "Registry", name: str) -> Iterator[Finding]:
    """Nothing where none is tried."""
    what, trial = f"challenger of {name}", registry.trials.current(name)
    if trial is None:
        return
    fault = read_fault(settings.releases, name, CHALLENGER_FAULT)
    tried = f"{trial.sha[:12]} is tried in the champion's shadow"
    if trial.share:
        tried = f"{trial.sha[:12]} answers {trial.share:.1%} of the customers"
    if fault:
        end = f"`lendloop release challenge {name} --none --by NAME --reason TEXT`"
        remedy = f"mend it, or end its trial with {end}; the champion answers"
        yield Finding("warn", what, f"{trial.sha[:12]} cannot be tried: {fault}", remedy)
    else:
        yield Finding("ok", what, tried)


def _features(settings: Settings, name: str) -> Iterator[Finding]:
    from serving.desk import now
    from serving.freshness import read_stale
    from serving.manifest import read_manifest

    served = pointed(settings.releases, name)
    if served is None:
        return
    urls = {"registry": settings.feature_registry_url, "online": settings.online_store_url}
    stale = read_stale(settings.releases / served, at=None if settings.replay else now(), **urls)
    if stale:
        day = read_manifest(settings.releases / served).as_of if settings.replay else yesterday()
        ingest = f"`lendloop run ingest --portfolio {name} --as-of {day}`"
        write = f"`lendloop run materialize --portfolio {name} --as-of {day}`"
        remedy = f"run {ingest} and {write}; until then these decisions go to review"
        yield Finding("warn", f"features of {name}", "; ".join(stale.values()), remedy)
    else:
        when = "at the release's own date" if settings.replay else "now"
        yield Finding("ok", f"features of {name}", f"what release {served[:12]} reads is materialized and fresh {when}")
