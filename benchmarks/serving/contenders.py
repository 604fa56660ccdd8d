"""The contenders, each started once and left running: the tutorial stack, the floors, and our service four times."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.serving.load import Target
from benchmarks.serving.world import MODEL, PORTFOLIO, World, launch, make_key
from infra.processes import free_port, start_child
from serving.deployment import start, stop, switch

TUTORIAL, FLOOR, SHAP_FLOOR, TABLE_FLOOR = "(a)", "(b)", "(c)", "(c')"
STORES = ("Redis", "SQLite")
REST = ', "amount": 50000'


@contextmanager
def running(world: World, redis: str, folder: Path, tell: Callable[[str], None]) -> Iterator[list[Target]]:
    """Every contender, ready to answer."""
    with ExitStack() as stack:
        targets = []
        for target in _all(stack, world, redis, folder):
            tell(f"{target.name} answers at {target.url}")
            targets.append(target)
        yield targets


def _all(stack: ExitStack, world: World, redis: str, folder: Path) -> Iterator[Target]:
    settings = _settings(world, redis, folder)
    bentoml = ["bentoml", "serve", "benchmarks.serving.tutorial:Tutorial"]
    yield stack.enter_context(_peer(f"{TUTORIAL} tutorial stack", bentoml, settings, folder))
    uvicorn = ["uvicorn", "benchmarks.serving.floor:app", "--no-access-log"]
    for label, does, name in (
        (FLOOR, "score", "scores only"),
        (SHAP_FLOOR, "shap", "CatBoost's SHAP, durable log"),
        (TABLE_FLOOR, "table", "our leaf tables, durable log"),
    ):
        own = {**settings, "FLOOR": does, "LOG": str(folder / f"floor-{does}.db")}
        yield stack.enter_context(_peer(f"{label} floor: {name}", uvicorn, own, folder))
    urls = {"Redis": redis, "SQLite": f"sqlite:///{world.home / 'online_store.db'}"}
    for store in STORES:
        for workers in (1, 2):
            yield stack.enter_context(ours(world, store, urls[store], workers, folder))


def _settings(world: World, redis: str, folder: Path) -> Mapping[str, str]:
    """What the peers are told in their environment."""
    import json

    import mlflow
    from catboost import CatBoostClassifier

    cbm = world.release / "models" / MODEL / "model.cbm"
    model, customers = folder / "mlflow-model", folder / "customers.parquet"
    mlflow.catboost.save_model(CatBoostClassifier().load_model(str(cbm)), str(model), pip_requirements=[])
    world.customers.write_parquet(customers)
    features = json.loads((world.release / "features.json").read_text())["models"][MODEL]
    return {
        "PROJECT": PORTFOLIO,
        "REGISTRY": f"sqlite:///{world.home / 'feature_registry.db'}",
        "ONLINE": redis,
        "MODEL": str(model),
        "VIEWS": ",".join(column["view"] for column in features),
        "KEY": world.key,
        "RELEASE": str(world.release),
        "CUSTOMERS": str(customers),
        "CBM": str(cbm),
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
    }


@contextmanager
def _peer(name: str, module: list[str], settings: Mapping[str, str], folder: Path) -> Iterator[Target]:
    port = free_port()
    command = [sys.executable, "-m", *module, "--host", "127.0.0.1", "--port", str(port)]
    child = start_child(command, log=folder / f"{port}.log", env={**os.environ, **settings})
    url = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(_answers(url), what=name, timeout=120)
        yield Target(name, url, "/score", child.pid)
    finally:
        child.stop()


@contextmanager
def ours(world: World, store: str, online: str, workers: int, folder: Path) -> Iterator[Target]:
    """A service of ours as it is deployed, in a home of its own below `folder`."""
    how = launch(world, folder / f"{store}-{workers}".lower(), online, workers)
    key = make_key(how)
    note = start(how).note
    try:
        switch(how, PORTFOLIO)
        name = f"Lendloop, {store}, {workers} worker{'s' * (workers > 1)}"
        path = f"/v1/portfolios/{PORTFOLIO}/decisions"
        yield Target(name, how.url, path, note.pid, REST, key, ours=True)
    finally:
        stop(how.home)


def _answers(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return httpx.get(f"{url}/livez", timeout=1).status_code in (200, 404)
        except httpx.TransportError:
            return False

    return answers
