import errno
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from requests import Timeout
from sqlalchemy.exc import OperationalError

from features.store.failures import StoreError
from flows.business_date import NoBusinessDate, business_date
from flows.month import PARTS, month
from flows.progress import finished, note, shown_by, started
from flows.reporting import NoReport, find_report, found_reports, report_path
from flows.steps import Body, Summary, directly, is_io_fault
from infra.processes import free_port
from training.registry import Registry, RegistryError

DAY = date(2010, 11, 30)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


class Told:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, ...]] = []

    def started(self, step: str) -> None:
        self.lines.append(("started", step))

    def noted(self, message: str) -> None:
        self.lines.append(("noted", message))

    def finished(self, step: str, summary: str) -> None:
        self.lines.append(("finished", step, summary))


def ingest(portfolio: str, as_of: date) -> Summary:
    note(f"{portfolio} {as_of}")
    return {"summary": "3 rows"}


def test_a_step_tells_when_it_starts_and_with_what_it_ends() -> None:
    told = Told()
    with shown_by(told):
        assert directly(ingest, "cards", DAY) == {"summary": "3 rows"}
    assert told.lines == [("started", "ingest"), ("noted", "cards 2010-11-30"), ("finished", "ingest", "3 rows")]
    started("nobody listens")
    finished("nobody listens", "")
    assert len(told.lines) == 3


def test_a_month_is_its_parts_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LENDLOOP_PORTFOLIOS", str(Path(__file__).resolve().parents[2] / "portfolios"))
    called: list[str] = []

    def call(body: Body, portfolio: str, as_of: date) -> dict[str, Any]:
        called.append(body.__name__)
        return {"of": portfolio, "as_of": as_of}

    done = month("taiwan_cards", DAY, call)
    assert called == ["ingest", "materialize", "retrain", "release", "deploy", "monitor"]
    assert [part.__name__ for part in PARTS] == called
    assert done["monitor"] == {"of": "taiwan_cards", "as_of": DAY}


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionResetError("gone"), True),
        (TimeoutError("slow"), True),
        (FileNotFoundError("absent"), False),
        (PermissionError("forbidden"), False),
        (ValueError("wrong data"), False),
        (KeyError("column"), False),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (OSError(errno.EROFS, "Read-only file system"), False),
        (caused(RegistryError("MLflow failed"), ConnectionRefusedError("refused")), True),
        (caused(RegistryError("MLflow failed"), caused(MlflowException("failed"), Timeout("slow"))), True),
        (caused(StoreError("feature registry"), OperationalError("SELECT 1", {}, TimeoutError("slow"))), True),
        (caused(RegistryError("files cannot be used"), FileNotFoundError("model.cb")), False),
        (caused(RegistryError("MLflow failed"), sqlite3.OperationalError("database or disk is full")), False),
        (caused(StoreError("not registered"), KeyError("view")), False),
    ],
)
def test_only_a_fault_of_io_that_may_pass_is_worth_another_try(error: Exception, again: bool) -> None:
    assert is_io_fault(error) is again


@pytest.mark.integration
@pytest.mark.parametrize("scheme", ["http://", "postgresql://mlflow@"])
def test_a_registry_that_is_away_is_asked_again(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError) as away:
        Registry(f"{scheme}127.0.0.1:{free_port()}", tmp_path).champion("cards")
    assert is_io_fault(away.value)


def test_a_business_date_is_never_taken_from_the_clock() -> None:
    assert business_date(DAY) == DAY
    with pytest.raises(NoBusinessDate, match="give as_of"):
        business_date(None)


def test_reports_are_found_by_month(tmp_path: Path) -> None:
    for day, level in ((date(2010, 10, 31), "ok"), (DAY, "red")):
        path = report_path(tmp_path, "cards", day, "risk")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".json").write_text(f'{{"as_of": "{day}", "model": "risk", "level": "{level}"}}')
        path.with_suffix(".html").write_text("<html>")
    assert [report.level for report in found_reports(tmp_path)] == ["ok", "red"]
    assert find_report(tmp_path, "cards").as_of == "2010-11-30"
    assert find_report(tmp_path, "cards", "2010-10").level == "ok"
    with pytest.raises(NoReport, match="found 2010-10-31, 2010-11-30"):
        find_report(tmp_path, "cards", "2009")
