"""A small lender for end-to-end tests: the example file as a portfolio, commands as a person types them."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from tests.e2e.session import Session

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLE = PROJECT / "docs" / "examples" / "scooter_loans.csv"
NAME = "scooter_loans"


@dataclass(frozen=True)
class Lender:
    """A home and a folder of portfolios, apart from everyone else's."""

    root: Path
    prefect: str
    port: int

    @property
    def home(self) -> Path:
        """What a run writes."""
        return self.root / "home"

    @property
    def url(self) -> str:
        """Where its decision service answers."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LENDLOOP_", "PREFECT_"))},
            "LENDLOOP_HOME": str(self.home),
            "LENDLOOP_PORTFOLIOS": str(self.root / "portfolios"),
            "LENDLOOP_PREFECT_API": self.prefect,
            "LENDLOOP_PORT": str(self.port),
            "LENDLOOP_REPLAY": "true",
            "COLUMNS": "200",
        }

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start `lendloop` with these words."""
        command = [sys.executable, "-c", "from flows.cli.main import main; main()", *words]
        return subprocess.Popen(
            command, cwd=PROJECT, env=self.environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def run(self, *words: str) -> str:
        """Run `lendloop` with these words; what it printed, or an error with all of it."""
        process = self.start(*words)
        printed, _ = process.communicate(timeout=580)
        assert process.returncode == 0, f"lendloop {' '.join(words)} ended with {process.returncode}:\n{printed}"
        return printed

    @cached_property
    def session(self) -> Session:
        """A process for commands that need none of their own."""
        return Session(PROJECT, self.environment())

    def type(self, *words: str) -> str:
        """Type `lendloop` with these words into the session; what it printed, or an error with all of it."""
        code, printed = self.session.type(*words)
        assert code == 0, f"lendloop {' '.join(words)} ended with {code}:\n{printed}"
        return printed

    def refused(self, *words: str) -> str:
        """Type `lendloop` with these words, which must be refused: a message, no traceback, exit code 1 or 2."""
        code, printed = self.session.type(*words)
        assert code in (1, 2), (words, code, printed)
        assert "Traceback" not in printed, (words, printed)
        return printed

    def make_portfolio(self) -> None:
        """Make the portfolio from the example file."""
        flat = ["--from", str(EXAMPLE), "--id", "Application No", "--time", "Applied on", "--label", "Bad"]
        folder = self.root / "portfolios"
        folder.mkdir(parents=True)
        self.type("portfolio", "new", NAME, *flat, "--matures", "30d", "--folder", str(folder))

    def copy_from(self, other: "Lender", folder: str) -> None:
        """Have a folder as another lender has it."""
        shutil.copytree(other.root / folder, self.root / folder, dirs_exist_ok=True)

    def kill_when(self, reached: Callable[["Lender"], bool], *words: str) -> None:
        """Run `lendloop` and kill -9 it as soon as `reached`, which must come before its end."""
        process = self.start(*words)
        until = time.monotonic() + 480
        while not reached(self):
            assert process.poll() is None, f"it ended before it was to be killed:\n{process.communicate()[0]}"
            assert time.monotonic() < until, "the point to kill it at was never reached"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def stop(self) -> None:
        """Stop the service that a deploy left running, and the session."""
        if "session" not in self.__dict__ or not self.session.runs():
            self.run("serve", "--stop")
            return
        try:
            self.type("serve", "--stop")
        finally:
            self.session.close()

    def state(self) -> dict[str, object]:
        """What a month leaves that matters: all but times of the clock, random salts and names of runs."""
        return {
            "lake": {
                str(path.relative_to(self.home)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted((self.home / "lake").rglob("*.parquet"))
                # The export of the log holds random ids and keyed hashes; `decisions` compares what it is made of.
                if "decisions" not in path.parts
            },
            "online store": self._online_store(),
            "releases": self._releases(),
            "steps": self._steps(),
            "decisions": self._decisions(),
            "pauses": self._pauses(),
            "metrics": self._metrics(),
            "reports": sorted(path.name for path in (self.home / "reports").rglob("*.*")),
        }

    def _online_store(self) -> dict[str, list[tuple[object, ...]]]:
        with closing(sqlite3.connect(self.home / "online_store.db")) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                name: database.execute(f'SELECT * FROM "{name}" ORDER BY _key').fetchall() for name in sorted(names)
            }

    def _steps(self) -> list[tuple[object, ...]]:
        from training.registry import Registry

        steps = Registry(f"sqlite:///{self.home / 'mlflow.db'}", self.home / "mlflow-artifacts").history(NAME)
        return [(step.number, step.action, step.sha, step.version, step.champion, step.after) for step in steps]

    def _decisions(self) -> dict[str, object]:
        """The chain's soundness and length, and of each record what the clock and the salts have no part in."""
        from serving.log.decision_log import open_log
        from serving.log.keys import open_keys

        log = open_log(self._log_url, open_keys("", self.home / "decision_log.key"), read_only=True)
        checked = log.verify()
        log.close()
        told = "kind, model, partner, idempotency_key, decided_at, release, probability, outcome, stale"
        with closing(sqlite3.connect(self.home / "decision_log.db")) as database:
            rows = database.execute(f"SELECT {told} FROM decisions ORDER BY sequence").fetchall()
        return {"valid": checked.valid, "records": checked.head.records, "rows": rows}

    def _pauses(self) -> list[object]:
        from serving.pauses import open_pauses

        pauses = open_pauses(self._log_url)
        try:
            return list(pauses.history(NAME))
        finally:
            pauses.close()

    @property
    def _log_url(self) -> str:
        return f"sqlite:///{self.home / 'decision_log.db'}"

    def _releases(self) -> list[tuple[str, ...]]:
        sql = """
            SELECT t.value, COALESCE(GROUP_CONCAT(a.alias), '') FROM model_version_tags t
            LEFT JOIN registered_model_aliases a ON a.name = t.name AND a.version = t.version
            WHERE t.key = 'lendloop.sha' GROUP BY t.name, t.version ORDER BY 1
        """
        with closing(sqlite3.connect(self.home / "mlflow.db")) as database:
            return [tuple(row) for row in database.execute(sql)]

    def _metrics(self) -> list[tuple[object, ...]]:
        url = f"sqlite:///{self.home / 'monitoring.db'}"
        from monitoring.store import MetricStore

        with MetricStore(url) as store:
            rows: pl.DataFrame = store.read(NAME)
        return rows.rows()


def has_release(now: Lender) -> bool:
    """Whether its month has come to a release: features and a trained model are there, it is hardly registered."""
    return any(len(path.name) == 64 for path in (now.home / "releases").glob("*"))
