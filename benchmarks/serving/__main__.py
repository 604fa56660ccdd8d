"""`make bench-serving`: the decision service beside the tutorial stack and the floors, all in one run."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.serving.contenders import running
from benchmarks.serving.load import NoWrk, require_wrk
from benchmarks.serving.measuring import measure, rehearse
from benchmarks.serving.verdicts import faults, goals, lines, tables
from benchmarks.serving.world import make_world
from benchmarks.turns import keep

RESULTS = Path(__file__).resolve().parent.parent / "results" / "serving.json"
WIDTH = 150
console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


def main() -> int:
    """Measure every contender in turn, several times, and print medians beside each other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--home", type=Path, help="keep the trained release here, to run again without training")
    parser.add_argument("--seconds", type=int, default=5, help="length of one run of load")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contender, interleaved")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    given = parser.parse_args()
    began, machine = time.monotonic(), describe()

    def tell(text: str) -> None:
        console.print(f"[{time.monotonic() - began:4.0f} s] {text}", markup=False)

    require_wrk()
    with tempfile.TemporaryDirectory() as name, _redis(Path(name) / "redis") as redis:
        folder = Path(name)
        world = make_world((given.home or folder / "home").resolve(), redis, tell)
        with running(world, redis, folder, tell) as targets:
            rehearse(targets, world.ids)
            measured = measure(targets, world.ids, folder, given.seconds, given.rounds, tell)
    console.print(*tables(measured), sep="\n")
    verdicts, wrong = goals(measured), faults(measured)
    for one in verdicts:
        console.print(f"{'reached ' if one.reached else 'MISSED  '} {one.text}", markup=False)
    for fault in wrong:
        console.print(f"NOT VALID {fault}", markup=False)
    kept = {"seconds": given.seconds, "rounds": given.rounds, "contenders": measured}
    kept |= {"goals": [vars(one) for one in verdicts], "faults": wrong}
    keep(given.out, kept, lines(measured, not wrong), machine)
    tell(f"written to {given.out}")
    return 1 if wrong else 0


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    from tests.servers import RedisServer

    server = RedisServer(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NoWrk as error:
        sys.exit(str(error))
