"""`python -m benchmarks.serving.profile`: where an answer's time goes, sampled by py-spy in a worker under load.

Samples are taken of whoever holds the interpreter: what SQLite, Redis and the disk do meanwhile is not among them.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from rich.console import Console

from benchmarks.serving.contenders import ours
from benchmarks.serving.load import Target, require_wrk, run
from benchmarks.serving.world import make_world
from serving.pointers import read_workers
from tests.servers import RedisServer

console = Console(highlight=False)
RATE = 250  # samples a second
# By the first line that has a mark on the stack: what is inside of something else comes before it.
PARTS = (
    ("count and time the steps", ("(prometheus_client/", "Told.")),
    ("read features", ("Desk.look_up_each (",)),
    ("seal what is personal: AES-GCM", ("Vault.seal (",)),
    ("write rows, links and keys: SQLite", ("DecisionLog.commit (",)),
    ("encode the record: canonical JSON, commitments, leaf", ("encode (serving/log/entry",)),
    ("decide: score, contributions, rules, reasons", ("Desk.decide (", "Desk.decide_all (")),
    ("make the record", ("record_of (serving/answers",)),
    ("make the answer", ("answer_json (serving/answers",)),
    ("look up circumstances and pauses", ("Inquiry.circumstances (", "Clerk._paused (")),
    ("who asks: key, quota, slot", ("_known (serving/api/gate", "Slots.", "SqliteCounts.", "Directory.")),
    ("read and check the body", ("checked (serving/api/bodies", "read_json (serving/api/bodies")),
    ("hand over to threads, and back", ("Clerk._look_up (", "Batcher.", "Lookups.", "concurrent/futures")),
    ("route and limits, send the answer", ("(serving/api/", "(serving/telemetry/", "Clerk.")),
    ("follow releases, lists, pauses", ("Runtime.", "ListWatch.", "Anchoring.")),
    ("HTTP: uvicorn, event loop", ("",)),
)


def main() -> None:
    """Load one worker and print the parts of its CPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.profile", description=str(__doc__))
    parser.add_argument("--home", type=Path, help="keep the trained release here, to run again without training")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--store", choices=("SQLite", "Redis"), default="SQLite")
    given = parser.parse_args()
    require_wrk()
    spy = shutil.which("py-spy") or shutil.which("py-spy", path=str(Path(sys.executable).parent))
    if spy is None:
        sys.exit("py-spy is not installed: `.venv/bin/python -m pip install py-spy`")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        redis = RedisServer(folder / "redis")
        redis.start()
        try:
            world = make_world((given.home or folder / "home").resolve(), redis.url, console.print)
            online = redis.url if given.store == "Redis" else f"sqlite:///{world.home / 'online_store.db'}"
            with ours(world, given.store, online, 1, folder) as target:
                run(target, world.ids, folder, seconds=2)
                (worker,) = read_workers(folder / f"{given.store}-1".lower() / "releases")
                _print(*_sample(spy, worker, target, world.ids, folder, given.seconds))
        finally:
            redis.stop()


def _sample(
    spy: str, worker: int, target: Target, ids: list[int], folder: Path, seconds: int
) -> tuple[Counter[str], float]:
    """Samples by part, and milliseconds of the worker's CPU a request, measured without the sampler."""
    before, began = psutil.Process(worker).cpu_times(), time.monotonic()
    rate = run(target, ids, folder, seconds=seconds).rate
    after, spent = psutil.Process(worker).cpu_times(), time.monotonic() - began
    cpu = 1e3 * (after.user + after.system - before.user - before.system) / (rate * spent)
    stacks = folder / "stacks.txt"
    command = [spy, "record", "--format", "raw", "--rate", str(RATE), "--duration", str(seconds - 2), "--gil"]
    with subprocess.Popen([*command, "--output", str(stacks), "--pid", str(worker)], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as sampling:  # fmt: skip
        run(target, ids, folder, seconds=seconds)
        sampling.wait(60)
    return parts(stacks.read_text().splitlines()), cpu


def parts(stacks: Iterable[str]) -> Counter[str]:
    """Samples by part, of stacks in py-spy's raw form: `outermost;…;innermost count`."""
    found: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        part = next(name for name, marks in PARTS if any(mark in stack for mark in marks))
        found[part] += int(count)
    return found


def _print(found: Counter[str], cpu: float) -> None:
    console.print(f"{1e3 * cpu:.0f} µs of CPU a request in the worker; of the interpreter's time")
    for part, count in found.most_common():
        share = count / found.total()
        console.print(f"{share:6.1%}  {part}")


if __name__ == "__main__":
    main()
