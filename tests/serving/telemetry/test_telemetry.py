import asyncio
import gc
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.mmap_dict import MmapedDict

from serving.log.commit import Appended
from serving.runtime import Served
from serving.telemetry.counters import forget_dead
from serving.telemetry.requests import Watched
from serving.telemetry.telemetry import Told
from serving.telemetry.telling import Telling, open_telling
from serving.telemetry.tracing import open_tracer
from serving.trial.challengers import Tried
from tests.serving.log.examples import make_record

COUNTING = """
import sys
from pathlib import Path
from serving.telemetry.telling import open_telling
told = open_telling(Path(sys.argv[1]), "", 0).told
told.counters.log_waiting.set(5)
with told.step("decide"):
    pass
told.committed(20, 0.004, failed=True)
"""


class Busy:
    def __init__(self, *served: Served[Any]) -> None:
        self._served = served

    def served(self) -> list[Served[Any]]:
        return list(self._served)

    def waiting(self) -> int:
        return 3

    def paused(self) -> dict[str, bool]:
        return {"cards": True}

    def followed(self) -> dict[str, bool]:
        return {"cards": False}

    def tried(self) -> list[Tried]:
        return []

    def quotas_left(self) -> dict[tuple[str, str], float]:
        return {("partner:shop", "requests"): 0.25, ("cards", "daily"): 0.0}


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/v1/people/{name}")
    async def person(name: str) -> dict[str, str]:
        if name == "nobody":
            raise RuntimeError("nobody is there")
        return {"name": name}

    return app


def ask(telling: Telling, *paths: str, client: str = "127.0.0.1", **headers: str) -> list[httpx.Response]:
    async def all_of_them() -> list[httpx.Response]:
        app = Watched(application(), lambda: telling.told)  # type: ignore[arg-type]
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            return [await http.get(path, headers=headers) for path in paths]

    return asyncio.run(all_of_them())


def values(telling: Telling) -> Counter[str]:
    (page,) = ask(telling, "/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line.rpartition(" ") for line in page.text.splitlines() if not line.startswith("#")]
    return Counter({name: float(value) for name, _, value in lines})  # type: ignore[misc]


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telling]:
    yield open_telling(tmp_path_factory.mktemp("counters"), "", 0)
    for opened in [found for found in gc.get_objects() if isinstance(found, MmapedDict)]:
        opened.close()  # type: ignore[no-untyped-call]


def test_requests_are_counted_by_route_and_never_by_what_stands_in_the_path(telling: Telling) -> None:
    before = values(telling)
    ask(telling, "/v1/people/ann", "/v1/people/bob", "/v1/people/nobody", "/v1/secret/4711")
    after = values(telling)
    found = after - before
    assert found['lendloop_requests_total{method="GET",route="/v1/people/{name}",status="200"}'] == 2
    assert found['lendloop_requests_total{method="GET",route="/v1/people/{name}",status="500"}'] == 1
    assert found['lendloop_requests_total{method="GET",route="-",status="404"}'] == 1
    assert found['lendloop_request_seconds_count{route="/v1/people/{name}"}'] == 3
    assert after["lendloop_requests_running"] == 0
    assert not any("4711" in name or "ann" in name for name in after)


def test_the_page_is_for_this_machine_only(telling: Telling) -> None:
    (refused,) = ask(telling, "/metrics", client="192.0.2.7")
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"


def test_workers_are_added_up_and_the_state_of_those_that_ended_is_forgotten(telling: Telling) -> None:
    before, folder = values(telling), telling.told.counters.folder
    telling.told.committed(1, 0.002)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", COUNTING, str(folder)], check=True)
    forget_dead(folder)
    after = values(telling)
    found = after - before
    assert found["lendloop_log_failures_total"] == 2
    assert found["lendloop_log_commit_records_sum"] == 41
    assert found['lendloop_step_seconds_count{step="decide"}'] == 2
    assert after["lendloop_log_waiting"] == 0


def test_a_decision_made_without_a_check_is_counted_by_what_was_not_checked(telling: Telling) -> None:
    codes = ("CONTEXT_UNKNOWN", "SIGNAL_MISSING", "LATE")
    record = make_record(
        reasons=tuple({"code": code} for code in codes), context={"problems": {"stale": ["behaviour"]}}
    )
    telling.told.decided([Appended(record, True), Appended(record, False)])  # the second was only answered again
    found = {name: count for name, count in values(telling).items() if name.startswith("lendloop_degraded_total")}
    counted = 'lendloop_degraded_total{{portfolio="taiwan_cards",problem="{}"}}'
    assert found == {counted.format(problem): 1 for problem in ("stale", "context", "signal")}


def test_what_limits_refuse_and_what_nobody_counted_is_told_without_naming_a_member_of_staff(telling: Telling) -> None:
    before = values(telling)
    for whose in ("shop", "staff:ann", "staff:bob"):
        telling.told.limited("quota", "refused", whose, 2)
    telling.told.limited("concurrency", "uncounted", "shop", 1)
    telling.told.decided([Appended(make_record(reasons=({"code": "QUOTA_REACHED"},)), True)])
    after = values(telling)
    found = after - before
    assert found['lendloop_limit_refusals_total{limit="quota",owner="partner:shop"}'] == 2
    assert found['lendloop_limit_refusals_total{limit="quota",owner="staff"}'] == 4
    assert found['lendloop_limit_uncounted_total{limit="concurrency"}'] == 1
    assert found['lendloop_quota_reached_total{portfolio="taiwan_cards"}'] == 1
    assert not any("ann" in name for name in after)


class Full:
    """Counters on a disk without room."""

    def __getattr__(self, name: str) -> Any:
        raise OSError(28, "No space left on device")


def test_what_cannot_be_counted_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told = Told(Full())  # type: ignore[arg-type]
    with told.step("decide"):
        told.committed(1, 0.002, failed=True)
    told.decided([Appended(make_record(), True)])
    assert [record.message for record in caplog.records] == ["not counted"] * 3


def test_the_state_of_a_worker_is_noted_and_a_release_that_went_is_taken_back(telling: Telling) -> None:
    telling.note(Busy(Served("cards", "a" * 64, object(), "a" * 64)))
    telling.note(Busy(Served("cards", "b" * 64, object(), "c" * 64, fault="cannot be read")))
    found = values(telling)
    assert found['lendloop_release_info{portfolio="cards",release="aaaaaaaaaaaa"}'] == 0
    assert found['lendloop_release_info{portfolio="cards",release="bbbbbbbbbbbb"}'] == 1
    assert found['lendloop_release_current{portfolio="cards"}'] == 0
    assert found['lendloop_champion_followed{portfolio="cards"}'] == 0
    assert found['lendloop_paused{portfolio="cards"}'] == 1
    assert found["lendloop_log_waiting"] == 3
    assert found['lendloop_quota_left{owner="partner:shop",quota="requests"}'] == 0.25
    assert found['lendloop_quota_left{owner="cards",quota="daily"}'] == 0


class Collector(HTTPServer):
    """Takes traces as a collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.bodies: list[bytes] = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Collector)
        self.server.bodies.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_traced_request_has_its_steps_below_it_and_belongs_to_the_callers_trace(
    telling: Telling, collector: Collector
) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    tracer, end = open_tracer(f"http://127.0.0.1:{collector.server_port}/v1/traces", 0)
    traced = Told(telling.told.counters, tracer)
    app = application()

    @app.get("/decided")
    async def decided() -> dict[str, str]:
        with traced.step("decide"):
            return {}

    async def all_of_it() -> None:
        transport = httpx.ASGITransport(Watched(app, lambda: traced))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as http:
            await http.get("/decided")  # a share of 0: not this one
            await http.get("/decided", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    asyncio.run(all_of_it())
    end()
    sent = [ExportTraceServiceRequest.FromString(body) for body in collector.bodies]
    spans = [span for one in sent for part in one.resource_spans for scope in part.scope_spans for span in scope.spans]
    step, request = sorted(spans, key=lambda span: span.name == "GET /decided")
    assert (step.name, request.name) == ("decide", "GET /decided")
    assert step.parent_span_id == request.span_id
    assert request.parent_span_id == bytes.fromhex("cd" * 8)
    assert {span.trace_id for span in spans} == {bytes.fromhex("ab" * 16)}
    assert json.dumps({one.key: str(one.value) for one in request.attributes}).count("/decided") == 1
