"""What every contender answers from: a real release of the cards portfolio and 2,000 customers, fresh as of now."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from features.portfolio import open_portfolio
from features.spec import CREATED, EVENT
from flows.launching import launch_of
from flows.workspace import Workspace
from infra.processes import free_port
from infra.settings import Settings
from serving.launch import Launch
from serving.log.decision_log import open_log
from serving.partners.book import open_book
from serving.partners.key import server_secret
from serving.partners.partner import make_partner

PORTFOLIO, MODEL = "taiwan_cards", "risk"
AS_OF = date(2005, 6, 30)
CUSTOMERS = 2_000
QUOTA = "1000000/s"  # the load must not meet a limit that a partner chose


@dataclass(frozen=True)
class World:
    """A home with a champion, the folder of its release, and its customers' features, the key first."""

    home: Path
    release: Path
    customers: pl.DataFrame

    @property
    def key(self) -> str:
        """The column that names a customer."""
        return self.customers.columns[0]

    @property
    def ids(self) -> list[int]:
        """The customers."""
        return self.customers.to_series(0).to_list()


def make_world(home: Path, online: str, tell: Callable[[str], None]) -> World:
    """Train a release in `home` if there is none; write its customers' features, dated now, to SQLite and `online`."""
    workspace = _workspace(home)
    if workspace.registry.champion(PORTFOLIO) is None:
        tell(f"training a release of {PORTFOLIO} as of {AS_OF} (a minute or two)")
        _train(home)
        workspace = _workspace(home)
    champion = workspace.registry.champion(PORTFOLIO)
    assert champion is not None
    release = workspace.release_folder(champion.sha)
    tell(f"writing the features of {CUSTOMERS:,} customers to SQLite and Redis")
    customers = _features(workspace, release)
    for url in (workspace.settings.online_store_url, online):
        _write(workspace, customers, url)
    return World(home, release, pl.concat(list(customers.values()), how="align"))


def launch(world: World, own: Path, online: str, workers: int) -> Launch:
    """How one service of ours runs on this world, in a home of its own: what it logs and notes is no one else's."""
    settings = Settings(home=world.home, online_store=online, port=free_port(), workers=workers)
    mine = {"home": own, "decision_log": f"sqlite:///{own / 'decision_log.db'}", "anchors": own / "anchors"}
    return launch_of(settings).model_copy(update={**mine, "portfolios": (PORTFOLIO,)})


def make_key(how: Launch) -> str:
    """The key of a new partner of this service."""
    secret = server_secret(how.partner_secret, how.home / "partner.key")
    partner = make_partner("benchmark", "decide", PORTFOLIO, QUOTA, 1000)
    with (
        closing(open_log(how.decision_log, how.log_keys())) as log,
        closing(open_book(how.decision_log, secret, log.vault)) as book,
    ):
        return book.add(partner, by="benchmark", at=datetime.now(UTC))


def _workspace(home: Path) -> Workspace:
    settings = Settings(home=home, online_store="")
    home.mkdir(parents=True, exist_ok=True)
    return Workspace(settings, open_portfolio(settings.portfolios, PORTFOLIO))


def _train(home: Path) -> None:
    """In a process of its own: the flows' bodies read the settings, and this one's are not theirs."""
    environment = {**os.environ, "LENDLOOP_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "benchmarks.serving.world"], check=True, env=environment)


def _features(workspace: Workspace, release: Path) -> dict[str, pl.DataFrame]:
    """By view that the model reads, the newest features of the customers: the key, then the features."""
    columns = json.loads((release / "features.json").read_text())["models"][MODEL]
    found = {}
    for view in dict.fromkeys(column["view"] for column in columns):
        rows = workspace.lake.read(PORTFOLIO, "features", view, as_of=AS_OF)
        newest = rows.sort(EVENT, CREATED).group_by(workspace.key, maintain_order=True).last()
        known = newest.sort(workspace.key).head(CUSTOMERS)
        found[view] = known.select(workspace.key, pl.all().exclude(workspace.key, EVENT, CREATED))
    return found


def _write(workspace: Workspace, customers: dict[str, pl.DataFrame], online: str) -> None:
    from feast.infra.provider import get_provider

    from features.store.configuration import configure
    from features.store.definitions import define_store
    from features.store.rows import write_rows

    config = configure(PORTFOLIO, workspace.settings.feature_registry_url, online)
    store, views = get_provider(config).online_store, define_store(workspace.portfolio, workspace.lake).views
    now = pl.lit(datetime.now(UTC))
    for view, rows in customers.items():
        write_rows(store, config, views[view], rows.with_columns(now.alias(EVENT), now.alias(CREATED)))


def _make_champion() -> None:
    """The parts of a month that a champion needs, without Prefect, a service or monitoring."""
    from flows.ingest import ingest
    from flows.materialize import materialize
    from flows.release import release
    from flows.retrain import retrain

    for part in (ingest, materialize, retrain, release):
        part(PORTFOLIO, AS_OF)


if __name__ == "__main__":
    _make_champion()
