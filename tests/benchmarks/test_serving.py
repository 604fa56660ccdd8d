"""What the serving benchmark makes of its figures: goals by shares, and figures that are worth nothing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from benchmarks.serving.counted import Counted
from benchmarks.serving.verdicts import faults, goals, tables

PAGE = """# HELP lendloop_decisions_total decisions
lendloop_decisions_total{kind="decision",outcome="review",portfolio="p",release="a"} 30.0
lendloop_decisions_total{kind="decision",outcome="approve",portfolio="p",release="a"} 1.2e+02
lendloop_degraded_total{portfolio="p",problem="late"} 3.0
lendloop_step_seconds_sum{step="log"} 0.5
lendloop_step_seconds_count{step="log"} 250.0
lendloop_requests_running 1.0
"""


def contender(rate: float, **more: Any) -> dict[str, Any]:
    run = {"rate": rate, "p50": 1.0, "p99": 5.0, "cpu": 0.5, "failed": 0, "unlogged": 0, "degraded": 0.0}
    half = {**run, "rate": rate / 2, "steps": {"log": 1.0}, **more}
    return {"peak": {**run, **more}, "half": half}


def measured(ours: float = 1500, **more: Any) -> dict[str, dict[str, Any]]:
    return {
        "(a) tutorial": contender(280),
        "(b) floor": contender(2700),
        "(c) floor": contender(1000),
        "(c') floor": contender(2000),
        "Lendloop, SQLite, 1 worker": contender(ours, **more),
        "Lendloop, SQLite, 2 workers": contender(ours),
    }


def test_goals_are_shares_of_the_peers_in_the_same_run() -> None:
    assert [goal.reached for goal in goals(measured())] == [True] * 5
    slow = {goal.text.split(": ")[1][:8]: goal.reached for goal in goals(measured(1300, p99=12.0))}
    assert slow == {"4.64 x (": True, "0.48 x (": False, "1.30 x (": True, "p99 12.0": False, "p99 5.0 ": True}
    assert not faults(measured())
    assert len(tables(measured())) == 2


@pytest.mark.parametrize("wrong", [{"failed": 1}, {"unlogged": 2}, {"degraded": 0.002}])
def test_figures_with_answers_that_do_not_count_are_worth_nothing(wrong: dict[str, float]) -> None:
    assert len(faults(measured(**wrong))) == 2
    assert all("SQLite, 1 worker" in fault for fault in faults(measured(**wrong)))


def test_a_few_late_features_are_the_machines_and_not_the_figures_fault() -> None:
    assert not faults(measured(degraded=0.0005))


@pytest.fixture
def url() -> Iterator[str]:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_the_service_counts_is_read_from_its_page(url: str) -> None:
    found = Counted.read(url)
    assert (found.decisions, found.degraded) == (150, 3)
    new = found - Counted(50, 0, {}, {})
    assert (new.decisions, new.steps()) == (100, {"log": 2.0})
