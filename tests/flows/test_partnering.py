"""Partners at the command line: the key is shown once, the examples fit the partner, the platform's names are kept."""

import os
import pwd
import re
from pathlib import Path

import pytest

from features.portfolio import list_portfolios
from flows.partnering import (
    add_partner,
    change_partner,
    demo_key,
    list_partners,
    login_name,
    revoke_partner,
    rotate_key,
)
from infra.settings import Settings
from serving.partners.partner import BadPartner
from serving.pointers import write_pointer

PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LENDLOOP_PORTFOLIOS", str(PORTFOLIOS))
    monkeypatch.setenv("LENDLOOP_PORT", "8123")
    monkeypatch.setenv("COLUMNS", "200")


def add(name: str = "shop", scopes: str = "decide", portfolios: str = "taiwan_cards") -> None:
    add_partner(name, scopes, portfolios, "5/s", 2, "ann")


def test_the_key_comes_with_a_request_that_the_partner_may_make(capsys: pytest.CaptureFixture[str]) -> None:
    add()
    printed = capsys.readouterr().out
    key = re.findall(r"^(ll_\w+)$", printed, re.MULTILINE)[0]
    url = "http://127.0.0.1:8123/v1/portfolios/taiwan_cards/decisions"
    assert f"curl -s {url} \\\n  -H 'Authorization: Bearer {key}'" in printed
    compile(printed.partition("Python:")[2], "example", "exec")
    add("mail", "decide,propensity", "bank_deposits")
    assert "bank_deposits/propensities" in capsys.readouterr().out
    add("reader", "read", "*")
    assert "curl -s http://127.0.0.1:8123/v1/partners/me " in capsys.readouterr().out
    list_partners()
    listed = capsys.readouterr().out
    assert key[:15] in listed
    assert key[15:] not in listed


def test_the_example_is_of_a_portfolio_that_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_portfolios(PORTFOLIOS)[0] != "taiwan_cards"
    write_pointer(Settings().releases, "taiwan_cards", "a" * 64)
    add(portfolios="*")
    assert "/v1/portfolios/taiwan_cards/decisions" in capsys.readouterr().out


def test_a_key_is_rotated_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    add()
    rotate_key("shop", "2h", "bob")
    assert len(set(re.findall(r"^ll_\w+$", capsys.readouterr().out, re.MULTILINE))) == 2
    revoke_partner("shop", "bob")
    list_partners()
    assert "revoked" in capsys.readouterr().out
    with pytest.raises(BadPartner, match="overlap"):
        rotate_key("shop", "soon", "bob")


def test_what_a_partner_may_do_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    add()
    capsys.readouterr()
    change_partner("shop", None, None, "7/m", None, "bob")
    assert "7/m" in capsys.readouterr().out
    with pytest.raises(BadPartner, match="which there are not"):
        change_partner("shop", None, "nowhere", None, None, "bob")


@pytest.mark.parametrize("name", ["lendloop", "local", "demo"])
def test_the_names_of_the_platform_are_its_own(name: str) -> None:
    with pytest.raises(BadPartner, match="platform's own"):
        add(name)


def test_a_portfolio_that_is_not_there_is_named() -> None:
    with pytest.raises(BadPartner, match="nope"):
        add(portfolios="taiwan_cards,nope")


def test_the_replay_has_the_same_key_each_time() -> None:
    assert demo_key(Settings()) == demo_key(Settings())


def test_who_acts_is_whom_the_system_knows_and_not_what_a_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ceo")
    monkeypatch.setenv("USER", "ceo")
    assert login_name() == pwd.getpwuid(os.getuid()).pw_name != "ceo"
