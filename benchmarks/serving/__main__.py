"""`make bench-serving`: the decision service beside (a) the tutorial stack, (b) the bare floor, (c) floor with log."""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.serving.load import Run, Target, run
from benchmarks.serving.world import MODEL, PORTFOLIO, World, launch, make_world
from infra.processes import free_port, start_child

RESULTS = Path(__file__).resolve().parent.parent / "results" / "serving.json"
CONNECTIONS = 8
console = Console()


def main() -> None:
    """Measure every contender in turn, several times, and print medians beside each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="keep the trained release here, to run again without training")
    parser.add_argument("--seconds", type=float, default=6, help="length of one run of load")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender, interleaved")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home = (given.home or folder / "home").resolve()
        redis = stack.enter_context(_redis(folder / "redis"))
        in_redis, in_sqlite = make_world(home, redis), make_world(home)
        targets = [
            *_peers(stack, in_redis, folder),
            *(
                stack.enter_context(_ours(world, store, workers))
                for world, store in ((in_redis, "Redis"), (in_sqlite, "SQLite"))
                for workers in (1, 2)
            ),
        ]
        ids = in_sqlite.customers.to_series(0).to_list()
        measured = _measure(targets, ids, folder, given.seconds, given.rounds)
    _show(measured)
    RESULTS.write_text(json.dumps({"machine": _machine(), "contenders": measured}, indent=1) + "\n")
    console.print(f"written to {RESULTS.relative_to(Path.cwd())}")


def _measure(targets: list[Target], ids: list[int], folder: Path, seconds: float, rounds: int) -> dict[str, Any]:
    def load(target: Target, **options: float) -> Run:
        return run(target, ids, folder, seconds=seconds, connections=CONNECTIONS, **options)

    for target in targets:
        run(target, ids, folder, seconds=2, connections=CONNECTIONS)
    peak = {target.name: [] for target in targets}  # type: dict[str, list[Run]]
    for _ in range(rounds):
        for target in targets:
            peak[target.name].append(load(target))
            console.print(f"  {target.name}: {peak[target.name][-1].rate:,.0f} requests/s", highlight=False)
    half = {}
    for target in targets:
        best = _median(peak[target.name])
        # Each connection waits so long that all together ask at half of the peak rate.
        half[target.name] = load(target, delay=max(1, 1e3 * CONNECTIONS / (best.rate / 2) - best.p50 / 2))
    return {name: {"peak": asdict(_median(runs)), "half": asdict(half[name])} for name, runs in peak.items()}


def _median(runs: list[Run]) -> Run:
    middle = {name: statistics.median(asdict(one)[name] for one in runs) for name in ("rate", "p50", "p99", "cpu")}
    return replace(runs[0], **middle, failed=sum(one.failed for one in runs))


def _show(measured: dict[str, Any]) -> None:
    rates = {name[:3]: found["peak"]["rate"] for name, found in measured.items()}
    columns = ("", "requests/s", "p50 ms", "p99 ms", "CPU ms", "of (a)", "of (b)", "of (c)", "p99 at half", "failed")
    table = Table(*columns, box=None)
    for name, found in measured.items():
        peak, half = found["peak"], found["half"]
        shares = [f"{peak['rate'] / rates[peer]:.2f}" for peer in ("(a)", "(b)", "(c)")]
        figures = [f"{peak[key]:,.2f}" for key in ("p50", "p99", "cpu")]
        failed = str(peak["failed"] + half["failed"])
        table.add_row(name, f"{peak['rate']:,.0f}", *figures, *shares, f"{half['p99']:.1f}", failed)
    console.print(table)


def _peers(stack: ExitStack, world: World, folder: Path) -> Iterator[Target]:
    import mlflow
    from catboost import CatBoost

    cbm = world.release / "models" / MODEL / "model.cbm"
    model, customers = folder / "mlflow-model", folder / "customers.parquet"
    mlflow.catboost.save_model(CatBoost().load_model(str(cbm)), str(model), pip_requirements=[])
    world.customers.write_parquet(customers)
    features = json.loads((world.release / "features.json").read_text())["models"][MODEL]
    settings = {
        "PROJECT": PORTFOLIO,
        "REGISTRY": f"sqlite:///{world.home / 'feature_registry.db'}",
        "ONLINE": world.environment["LENDLOOP_ONLINE_STORE"],
        "MODEL": str(model),
        "VIEWS": ",".join(column["view"] for column in features),
        "KEY": world.key,
        "RELEASE": str(world.release),
        "CUSTOMERS": str(customers),
        "CBM": str(cbm),
        "LOG": str(folder / "floor.db"),
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    serve = ["bentoml", "serve", "benchmarks.serving.tutorial:Tutorial", "--host", "127.0.0.1", "--port"]
    yield stack.enter_context(_child("(a) tutorial stack", serve, "/score", settings, folder))
    uvicorn = ["uvicorn", "benchmarks.serving.floor:app", "--no-access-log", "--host", "127.0.0.1", "--port"]
    for letter, name in (("b", "(b) floor: scores only"), ("c", "(c) floor: SHAP, durable log")):
        yield stack.enter_context(_child(name, uvicorn, "/score", {**settings, "FLOOR": letter}, folder))


@contextmanager
def _child(name: str, module: list[str], path: str, settings: dict[str, str], folder: Path) -> Iterator[Target]:
    port = free_port()
    log = folder / f"{port}.log"
    child = start_child([sys.executable, "-m", *module, str(port)], log=log, env={**os.environ, **settings})
    url = f"http://127.0.0.1:{port}"
    try:
        child.wait_until(_answers(url), what=name, timeout=90)
        yield Target(name, url, path, child.pid)
    finally:
        child.stop()


@contextmanager
def _ours(world: World, store: str, workers: int) -> Iterator[Target]:
    from infra.processes import stop_process
    from serving.deployment import start, switch

    how = launch(world, free_port(), workers)
    note = start(how).note
    try:
        switch(how, PORTFOLIO)
        path, rest = f"/v1/portfolios/{PORTFOLIO}/decisions", ', "amount": 50000'
        yield Target(
            f"Lendloop, {store}, {workers} worker{'s' * (workers > 1)}", how.url, path, note.pid, rest, how.own_key()
        )
    finally:
        stop_process(note.pid, note.started, seconds=30)


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    from tests.servers import RedisServer

    server = RedisServer(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def _answers(url: str) -> Callable[[], bool]:
    def answers() -> bool:
        try:
            return httpx.get(f"{url}/livez", timeout=1).status_code in (200, 404)
        except httpx.TransportError:
            return False

    return answers


def _machine() -> dict[str, Any]:
    return {"python": platform.python_version(), "cores": os.cpu_count(), "measured": time.strftime("%Y-%m-%d")}


if __name__ == "__main__":
    main()
