"""`make bench` and `make bench-scale`: every figure of speed and scale beside its peer and its floor.

One benchmark after the other, each in a process of its own; the first line says on what machine. The tables of README
and docs are made anew from `benchmarks/results/*.json`. Ends with 1 if a benchmark failed; the others are run all the
same.
"""

import subprocess
import sys
import time
from argparse import ArgumentParser

from rich.console import Console

from benchmarks import scale_plan, table
from benchmarks.benches import BENCHES, Bench
from benchmarks.machine import describe

console = Console(highlight=False)


def main() -> int:
    """Run them, and make the table."""
    asked = ArgumentParser(prog="python -m benchmarks", description=__doc__)
    asked.add_argument("--scale", action="store_true", help="the large sizes instead: hours, and 30 GB of disk")
    asked.add_argument("--only", nargs="*", metavar="NAME", help="some of them, by the last part of the module's name")
    given = asked.parse_args()
    console.print(", ".join(f"{name} {value}" for name, value in describe().items()))
    chosen = [one for one in BENCHES if _arguments(one, given.scale) is not None]
    if given.only is not None:
        chosen = [one for one in chosen if one.module.rpartition(".")[2] in given.only]
    failed = [one.module for one in chosen if not _run(one, given.scale)]
    code = table.main() or scale_plan.main()
    if failed:
        console.print(f"failed: {', '.join(failed)}; what stands in the table of these is older")
    return 1 if failed else code


def _arguments(bench: Bench, scale: bool) -> tuple[str, ...] | None:
    return bench.scale if scale else bench.quick


def _run(bench: Bench, scale: bool) -> bool:
    console.rule(bench.module)
    began = time.monotonic()
    command = [sys.executable, "-W", "ignore", "-m", bench.module, *(_arguments(bench, scale) or ())]
    done = subprocess.run(command, check=False).returncode == 0
    console.print(f"{'done' if done else 'FAILED'} in {time.monotonic() - began:.0f} s")
    return done


if __name__ == "__main__":
    sys.exit(main())
