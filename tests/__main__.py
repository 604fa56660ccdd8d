"""`make test`: every check and every test, their output as it comes, and a table of what happened at the end."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table

from tests import forking

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = PROJECT / "build" / "tests.xml"
PYTHON = (sys.executable, "-m")
# A file stays on one worker, so that its servers are started once; the longest files come first, as they are named.
# Two workers more than cores: tests wait now and then for servers that start or stop. A third one gained nothing.
WORKERS = min(6, (os.cpu_count() or 1) + 2)
BOTH_CORES = ("--dist", "loadfile", "--no-loadscope-reorder")
# Where the tests' files go when there is room: they sync thousands of times, which on a disk is a third of their time,
# and what a kill -9 leaves is the same there. Full, slow and failing disks are tested on file systems of their own.
MEMORY, ROOM = Path("/dev/shm"), 2 << 30
console = Console(highlight=False)


@dataclass(frozen=True)
class Check:
    """A command that must succeed, what it is for, and what to do when it does not."""

    name: str
    command: tuple[str, ...]
    remedy: str


QUICK = (
    Check("lint", (*PYTHON, "ruff", "check", "."), "ruff check --fix ."),
    Check("format", (*PYTHON, "ruff", "format", "--check", "."), "ruff format ."),
    Check("layers", (str(Path(sys.executable).parent / "lint-imports"),), ".importlinter says which may import which"),
)
# Side by side: the tests wait for servers now and then, and the types fill what they leave of two cores.
TESTS = Check("tests", (*PYTHON, "pytest", *BOTH_CORES, f"--junitxml={RESULTS}"), "pytest path::name runs one alone")
TYPES = Check("types", (*PYTHON, "mypy"), "the lines above")


@dataclass(frozen=True)
class Outcome:
    """How a check ended."""

    check: Check
    code: int
    seconds: float

    def row(self) -> tuple[str, str, str, str]:
        """What the table says of it: name, result, time, where to look."""
        passed = self.code == 0
        told = _counted() if self.check.name == "tests" else ("passed" if passed else "failed")
        look = "" if passed else self.check.remedy
        if self.check.name == "tests":
            look = f"{RESULTS.relative_to(PROJECT)}; {look}".rstrip("; ")
        colour = "green" if passed else "red"
        return self.check.name, f"[{colour}]{told}[/]", f"{self.seconds:.0f} s", look


def run() -> list[Outcome]:
    """Every check: one that fails does not hide what the others would say."""
    with in_memory(), forking.workers(WORKERS) as workers, ThreadPoolExecutor(1) as beside:
        types = beside.submit(_run, TYPES, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        outcomes = [_run(check) for check in QUICK]  # what the workers part from is imported meanwhile
        outcomes.append(_run(replace(TESTS, command=(*TESTS.command, *workers))))
    return [*outcomes, types.result()]


@contextmanager
def in_memory() -> Iterator[None]:
    """Have temporary files of this process and its children in memory if it has `ROOM`; they are removed at the end."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="lendloop-tests-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        os.environ["TMPDIR"] = folder
        yield


def _run(check: Check, **output: int) -> Outcome:
    """Run it; what it says comes as it is said, or is printed afterwards when `output` is kept."""
    console.print(f"[bold]{check.name}[/]")
    began = time.monotonic()
    done = subprocess.run(check.command, cwd=PROJECT, check=False, text=True, **output)
    if done.stdout:
        console.print(f"{check.name}: {done.stdout}", markup=False)
    return Outcome(check, done.returncode, time.monotonic() - began)


def show(outcomes: Sequence[Outcome]) -> None:
    """The table at the end."""
    table = Table("check", "result", "time", "where to look")
    for outcome in outcomes:
        table.add_row(*outcome.row())
    console.print(table)


def _counted() -> str:
    """How many tests passed and which did not, from the results that pytest wrote."""
    try:
        suites = list(ElementTree.parse(RESULTS).iter("testsuite"))
    except (OSError, ElementTree.ParseError):
        return "no results"
    bad = [case.get("name", "") for suite in suites for case in suite.iter("testcase") if _is_bad(case)]
    passed = sum(int(suite.get("tests", 0)) for suite in suites) - len(bad)
    return f"{passed:,} passed" + (f", {len(bad)} failed: {', '.join(bad[:5])}" if bad else "")


def _is_bad(case: ElementTree.Element) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def main() -> int:
    """Run all, show the table; 1 when anything failed."""
    # Hundreds of processes import the same files: where an image forbids bytecode, each compiles them all anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.unlink(missing_ok=True)
    outcomes = run()
    show(outcomes)
    return int(any(outcome.code for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
