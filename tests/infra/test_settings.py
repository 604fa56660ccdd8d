from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.settings import Settings


def test_without_any_setting_everything_is_a_file_in_home(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for url in (settings.feature_registry_url, settings.online_store_url, settings.mlflow_url, settings.metrics_url):
        assert url.startswith(f"sqlite:///{tmp_path}/")
    assert settings.host == "127.0.0.1"
    assert not settings.replay


def test_a_url_that_is_given_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_DECISION_LOG", "postgresql://log@db/log")
    assert Settings().decision_log_url == "postgresql://log@db/log"


def test_a_home_that_is_relative_is_the_same_folder_for_a_child_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings(home=Path("here")).lake == tmp_path / "here" / "lake"


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="port"):
        Settings(port=0)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_LOG_KEY", "hush")
    assert "hush" not in repr(Settings())


def test_every_setting_that_was_given_reaches_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "LENDLOOP_VENDORS": '{"liveness": "https://vendor.example/check"}',
        "LENDLOOP_VENDOR_KEYS": '{"liveness": "hush"}',
        "LENDLOOP_TOKENS": "true",
        "LENDLOOP_LOG_KEY": "hush",
        "LENDLOOP_TRACED_SHARE": "0.5",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    first = Settings()
    variables = first.variables()
    assert set(variables) == set(given)
    for name in given:
        monkeypatch.delenv(name)
    assert Settings() != first
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings() == first


def test_what_holds_a_secret_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {
        "LENDLOOP_LOG_KEY": "hush",
        "LENDLOOP_VENDOR_KEYS": '{"liveness": "hush"}',
        "LENDLOOP_DECISION_LOG": "postgresql://log:hush@db/log",
        "LENDLOOP_METRICS": "postgresql://db/metrics?user=lender&password=hush",
    }
    plain = {"LENDLOOP_MLFLOW_URI": "postgresql://mlflow@db/mlflow", "LENDLOOP_PORT": "8081", "LENDLOOP_HOME": "home"}
    for name, value in (secret | plain).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.secrets() == set(secret)
    assert "hush" not in str({name: settings.variables()[name] for name in plain})
