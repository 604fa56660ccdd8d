"""The doctor names each fault with what to do about it, quickly, and never shows a secret."""

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from typer.testing import CliRunner

from flows import doctor
from flows.reachable import look_at, masked
from infra.processes import free_port
from infra.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "portfolios").mkdir()
    return Settings(home=tmp_path / "home", portfolios=tmp_path / "portfolios", port=free_port(), _env_file=None)


@contextmanager
def http_server(paths: dict[str, int]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(paths.get(self.path, 404))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def wire_server(replies: list[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Takes one connection and answers each message with the next reply."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            wire, _ = server.accept()
            with wire:
                for reply in replies:
                    heard.append(wire.recv(1024))
                    wire.sendall(reply)

        thread = threading.Thread(target=serve)
        thread.start()
        yield int(server.getsockname()[1]), heard
        thread.join()


def test_a_fresh_machine_has_no_failure(settings: Settings) -> None:
    found = doctor.examine(settings)
    assert [one for one in found if one.status == "fail"] == []
    whats = [one.what for one in found]
    assert whats[:2] == ["python", "packages"]
    assert {"home", "free disk", "decision log", "Prefect", "decision service", "portfolios"} <= set(whats)
    assert all(one.remedy for one in found if one.status != "ok")


def test_a_missing_or_other_package_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["polars==0.1.0", "no-such-package>=2", 'no-such-tool ; extra == "dev"', "numpy>=1"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: wanted)
    found = {one.what: one for one in doctor.installed()}
    assert (found["polars"].status, found["polars"].remedy) == ("fail", "run `make setup`")
    assert "expected ==0.1.0" in found["polars"].found
    assert found["no-such-package"].status == "fail"
    assert found["no-such-tool"].status == "warn"
    assert "numpy" not in found


def test_settings_are_shown_without_secrets() -> None:
    given = Settings(decision_log="postgresql://lender:hunter2@db/log", log_key=SecretStr("s3cret"), _env_file=None)
    shown = dict(doctor.configured(given))
    assert shown["LENDLOOP_DECISION_LOG"] == "postgresql://lender:***@db/log"
    assert shown["LENDLOOP_LOG_KEY"] == "*** (set)"
    assert shown["LENDLOOP_METRICS"] == "(embedded)"
    assert "s3cret" not in str(shown)


def test_a_setting_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_PORT", "high")
    with pytest.raises(ValidationError) as error:
        Settings(_env_file=None)
    assert doctor.misset(error.value)[0].startswith("LENDLOOP_PORT: Input should be a valid integer")


def test_passwords_never_show(tmp_path: Path) -> None:
    assert masked("redis://:p%40ss@host/0") == "redis://:***@host/0"
    assert masked("sqlite:///a.db") == "sqlite:///a.db"
    refused = look_at("online store", f"redis://:hunter2@127.0.0.1:{free_port()}/0", "LENDLOOP_ONLINE_STORE")
    assert refused.status == "fail"
    assert "hunter2" not in refused.found
    assert "LENDLOOP_ONLINE_STORE" in refused.remedy


def test_sqlite_files_are_looked_into(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    assert "not there yet" in look_at("log", f"sqlite:///{path}", "X").found
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t (x)")
    assert "1 tables" in look_at("log", f"sqlite:///{path}", "X").found
    path.write_bytes(b"this is no database" * 100)
    damaged = look_at("log", f"sqlite:///{path}", "X")
    assert (damaged.status, "damaged" in damaged.remedy) == ("fail", True)


def test_redis_is_asked_with_its_password() -> None:
    with wire_server([b"+OK\r\n", b"+PONG\r\n"]) as (port, heard):
        assert look_at("online store", f"redis://:pw@127.0.0.1:{port}/0", "X").status == "ok"
    assert heard == [b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n", b"*1\r\n$4\r\nPING\r\n"]
    with wire_server([b"-NOAUTH Authentication required.\r\n"]) as (port, _):
        assert "NOAUTH" in look_at("online store", f"redis://127.0.0.1:{port}/0", "X").found


def test_http_servers_are_asked(settings: Settings) -> None:
    with http_server({"/health": 200, "/api/health": 200}) as port:
        assert look_at("MLflow", f"http://127.0.0.1:{port}", "X").status == "ok"
        with_server = settings.model_copy(update={"prefect_api": f"http://127.0.0.1:{port}/api"})
        assert doctor.prefect_server(with_server).status == "ok"
    assert doctor.prefect_server(with_server).status == "fail"
    assert "cannot read the URL" in look_at("MLflow", "mlruns", "LENDLOOP_MLFLOW_URI").found


@pytest.mark.parametrize(
    ("paths", "status", "found"),
    [
        ({"/livez": 200, "/readyz": 200}, "ok", "ready"),
        ({"/livez": 200, "/readyz": 503}, "warn", "not ready"),
        ({}, "fail", "taken by another program"),
    ],
)
def test_the_decision_service_and_its_port(settings: Settings, paths: dict[str, int], status: str, found: str) -> None:
    assert doctor.decision_service(settings).status == "ok"
    with http_server(paths) as port:
        one = doctor.decision_service(settings.model_copy(update={"port": port}))
    assert one.status == status
    assert found in one.found


def test_little_disk_or_memory_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "DISK", (1e6, 1e7))
    monkeypatch.setattr(doctor, "MEMORY", (0.0, 1e7))
    found = {one.what: one for one in doctor.machine(settings)}
    assert found["free disk"].status == "fail"
    assert found["free memory"].status == "warn"
    assert "expected 1e+07 GiB or more" in found["free disk"].remedy


def test_a_container_has_only_its_share_of_memory(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:   8388608 kB\n")
    assert doctor.free_memory(tmp_path) == 8
    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (group / "memory.max").write_text(f"{3 * 2**30}\n")
    (group / "memory.current").write_text(f"{2**30}\n")
    assert doctor.free_memory(tmp_path) == 2
    (group / "memory.max").write_text("max\n")
    assert doctor.free_memory(tmp_path) == 8
    assert doctor.free_memory(tmp_path / "nowhere") is None


def test_a_broken_portfolio_is_a_failure_with_the_command_to_run(settings: Settings) -> None:
    (settings.portfolios / "broken").mkdir()
    (settings.portfolios / "broken" / "features.yaml").write_text("entity: 1\n")
    (one,) = doctor.portfolios(settings)
    assert (one.status, one.what, one.remedy) == ("fail", "portfolio broken", "run `lendloop portfolio check broken`")
    assert "features.yaml:1" in one.found


def test_the_command_exits_with_1_on_a_failure(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    from flows.cli.doctor import doctor as command

    app = typer.Typer()
    app.command()(command)
    for name, value in (("HOME", settings.home), ("PORTFOLIOS", settings.portfolios), ("PORT", settings.port)):
        monkeypatch.setenv(f"LENDLOOP_{name}", str(value))
    assert CliRunner().invoke(app).exit_code == 0
    monkeypatch.setenv("LENDLOOP_METRICS", "oracle://x")
    failed = CliRunner().invoke(app)
    assert failed.exit_code == 1
    assert "1 failed" in failed.output
    monkeypatch.setenv("LENDLOOP_PORT", "high")
    assert CliRunner().invoke(app).exit_code == 1
