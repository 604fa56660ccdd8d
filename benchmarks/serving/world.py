"""What every contender answers from: a real release of the cards portfolio and 2,000 customers, fresh as of now."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from feast.infra.provider import get_provider

from features.spec import CREATED, EVENT
from features.store.configuration import configure
from features.store.definitions import define_store
from features.store.rows import write_rows
from flows.deploy import launch_of
from flows.workspace import Workspace, open_workspace
from infra.settings import Settings
from serving.deployment import stop
from serving.launch import Launch

PORTFOLIO, MODEL = "taiwan_cards", "risk"
AS_OF = date(2005, 6, 30)
CUSTOMERS = 2_000


@dataclass(frozen=True)
class World:
    """A home with a champion, its customers' features in memory, and the folder of its release."""

    home: Path
    release: Path
    customers: pl.DataFrame
    environment: Mapping[str, str]

    @property
    def key(self) -> str:
        """The column that names a customer."""
        return self.customers.columns[0]


def make_world(home: Path, online: str = "") -> World:
    """Train a release in `home` if there is none; write its customers' features to the online store, dated now."""
    given = {"LENDLOOP_HOME": str(home), "LENDLOOP_ONLINE_STORE": online}
    environment = {**os.environ, **given}
    os.environ.update(given)
    workspace = open_workspace(PORTFOLIO)
    if workspace.registry.champion(PORTFOLIO) is None:
        command = ["run", "month", "--portfolio", PORTFOLIO, "--as-of", AS_OF.isoformat()]
        subprocess.run([Path(sys.executable).with_name("lendloop"), *command], check=True, env=environment)
        stop(home)
        workspace = open_workspace(PORTFOLIO)
    champion = workspace.registry.champion(PORTFOLIO)
    assert champion is not None
    release = workspace.release_folder(champion.sha)
    return World(home, release, _customers(workspace, release), environment)


def launch(world: World, port: int, workers: int) -> Launch:
    """How our service runs on this world."""
    os.environ.update(world.environment)
    settings = Settings(port=port, workers=workers)
    return launch_of(settings).model_copy(update={"notes": world.home / f"service-{port}"})


def _customers(workspace: Workspace, release: Path) -> pl.DataFrame:
    """Features of the customers, the key first, written to the online store under the present time."""
    config = configure(PORTFOLIO, workspace.settings.feature_registry_url, workspace.settings.online_store_url)
    store = get_provider(config).online_store
    views = define_store(workspace.portfolio, workspace.lake).views
    features = json.loads((release / "features.json").read_text())
    now = datetime.now(UTC)
    frames = []
    for view in dict.fromkeys(column["view"] for column in features["models"][MODEL]):
        rows = workspace.lake.read(PORTFOLIO, "features", view, as_of=AS_OF)
        newest = rows.sort(EVENT, CREATED).group_by(workspace.key, maintain_order=True).last()
        fresh = (
            newest.sort(workspace.key)
            .head(CUSTOMERS)
            .with_columns(pl.lit(now).alias(EVENT), pl.lit(now).alias(CREATED))
        )
        write_rows(store, config, views[view], fresh)
        frames.append(fresh.drop(EVENT, CREATED))
    return pl.concat(frames, how="align").select(workspace.key, pl.all().exclude(workspace.key))
