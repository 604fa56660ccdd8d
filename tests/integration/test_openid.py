"""Staff sign in over a real OpenID provider, another process on loopback, by real HTTP; its lies are refused."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from infra.processes import free_port
from serving.api import openid
from serving.api.gate import CALLBACK, LOGIN, OPENID
from serving.clerk import Clerk
from serving.partners.partner import Limited, Quota
from serving.staff import identity
from serving.staff.openid import BadProvider, make_openid
from serving.staff.provider import Provider
from tests.servers import wait_until
from tests.serving.api.test_contract import served
from tests.serving.api.worker import SECRET, Worker, problem

pytestmark = pytest.mark.integration
PROJECT = Path(__file__).resolve().parents[2]
ROLES = {"credit": "reviewer", "audit": "auditor"}


class SomeProvider:
    """The provider's process, and what it is told."""

    def __init__(self, folder: Path, redirect: str) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.log = folder / "provider.log"
        command = [sys.executable, "-m", "tests.serving.staff.openid_provider", str(self.port), redirect]
        environment = {**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"}
        with self.log.open("w") as out:
            self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=out, stderr=out)
        wait_until(lambda: httpx.get(f"{self.issuer}/keys").status_code == 200, "the OpenID provider", self.log)

    def told(self, **what: Any) -> None:
        httpx.post(f"{self.issuer}/test", json=what).raise_for_status()

    def user(self, sub: str, name: str, *groups: str) -> None:
        self.told(user={"sub": sub, "preferred_username": name, "groups": list(groups)})

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


class Signing:
    """A service that takes staff of the provider, and browsers that go there and back."""

    def __init__(self, url: str, worker: Worker, provider: SomeProvider) -> None:
        self.url, self.worker, self.provider = url, worker, provider
        self.browsers: list[httpx.Client] = []

    def close(self) -> None:
        while self.browsers:
            self.browsers.pop().close()

    def begin(self) -> tuple[httpx.Client, str]:
        """A browser that has begun, and where the provider sends it back to."""
        browser = httpx.Client()
        self.browsers.append(browser)
        begun = browser.get(self.url + OPENID)
        assert begun.status_code == 303, begun.text
        returned = httpx.get(begun.headers["location"])
        assert returned.status_code == 302, returned.text
        return browser, returned.headers["location"]

    def sign_in(self) -> httpx.Response:
        browser, back = self.begin()
        return browser.get(back)


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signing]:
    folder = tmp_path_factory.mktemp("openid")
    port = free_port()
    provider = SomeProvider(folder, f"http://127.0.0.1:{port}{CALLBACK}")
    worker = Worker(folder)
    known = make_openid(provider.issuer, "lendloop", "provider secret", f"http://127.0.0.1:{port}{CALLBACK}", ROLES)

    def opened(clerk: Clerk) -> Any:
        assert clerk.staff is not None
        clerk.provider = Provider(known, clerk.staff, SECRET)

    worker.openid, worker.prepared = True, opened
    with served(worker, port) as url:
        yield Signing(url, worker, provider)
    provider.stop()
    worker.close()


@pytest.fixture(autouse=True)
def _honest(signing: Signing, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(identity, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(openid, "ATTEMPTS", Limited("staff:sign in", Quota(1_000_000, 86_400), 1))
    signing.provider.told(lie="")
    yield
    signing.close()


def test_a_newcomer_is_on_the_staff_with_the_roles_of_the_provider_s_groups(signing: Signing) -> None:
    signing.provider.user("u-1", "Ann.Lee", "credit", "audit", "golf")
    answer = signing.sign_in()
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["name"], told["roles"], told["portfolios"]) == ("ann.lee", ["auditor", "reviewer"], ["*"])
    me = httpx.get(f"{signing.url}/v1/staff/me", headers={"Authorization": f"Bearer {told['token']}"})
    assert me.json()["name"] == "ann.lee"
    # A local password does not open an account of the provider.
    refused = httpx.post(signing.url + LOGIN, json={"name": "ann.lee", "password": "whatever it may be"})
    problem(refused, 401)


def test_roles_are_the_provider_s_each_time_and_the_name_is_kept(signing: Signing) -> None:
    signing.provider.user("u-2", "Bob", "credit")
    token = signing.sign_in().json()["token"]
    signing.provider.user("u-2", "Robert", "audit")
    assert (signing.sign_in().json()["name"], signing.sign_in().json()["roles"]) == ("bob", ["auditor"])
    me = httpx.get(f"{signing.url}/v1/staff/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["roles"] == ["auditor"]
    signing.provider.user("u-2", "Bob", "golf")
    assert "no role" in problem(signing.sign_in(), 401)["detail"]


def test_one_s_name_is_not_given_to_another_nor_who_was_ended_let_in(signing: Signing) -> None:
    from datetime import UTC, datetime

    signing.provider.user("u-3", "Eve", "credit")
    assert signing.sign_in().status_code == 200
    signing.provider.user("u-4", "eve", "credit")
    assert "is or was on the staff" in problem(signing.sign_in(), 401)["detail"]
    signing.provider.user("u-5", "", "credit")
    problem(signing.sign_in(), 401)
    signing.worker.staff.end("eve", by="root", at=datetime.now(UTC))
    signing.provider.user("u-3", "Eve", "credit")
    assert "was ended" in problem(signing.sign_in(), 401)["detail"]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_keys_are_turned_over_and_tokens_still_open(signing: Signing, algorithm: str) -> None:
    signing.provider.user("u-6", "kim", "credit")
    assert signing.sign_in().status_code == 200
    signing.provider.told(rotate=True, algorithm=algorithm)
    assert signing.sign_in().status_code == 200


@pytest.mark.parametrize(
    "lie", ["audience", "second audience", "issuer", "expired", "nonce", "tampered", "unsigned", "key"]
)
def test_a_token_that_lies_opens_nothing(signing: Signing, lie: str) -> None:
    signing.provider.user("u-7", "zoe", "credit")
    signing.provider.told(lie=lie)
    refused = problem(signing.sign_in(), 401)
    assert "not to be trusted" in refused["detail"]
    assert signing.worker.staff.find("zoe") is None


def test_a_code_is_taken_once_and_only_from_the_browser_that_began(signing: Signing) -> None:
    signing.provider.user("u-8", "pat", "credit")
    browser, back = signing.begin()
    stranger, others = signing.begin()
    problem(httpx.get(back), 400)
    problem(stranger.get(back), 401)
    state = parse_qs(urlsplit(back).query)["state"][0]
    problem(browser.get(back.replace(state, "x" * len(state))), 401)
    cookie = browser.cookies["lendloop_openid"]
    forged = {"lendloop_openid": cookie[:-4] + "AAAA"}
    problem(httpx.get(back, cookies=forged), 401)
    assert browser.get(back).status_code == 200
    assert browser.cookies.get("lendloop_openid") is None
    problem(httpx.get(back, cookies={"lendloop_openid": cookie}), 401)
    assert stranger.get(others).status_code == 200


def test_what_the_provider_is_sent_has_pkce_and_a_nonce(signing: Signing) -> None:
    begun = httpx.get(signing.url + OPENID)
    asked = parse_qs(urlsplit(begun.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= set(asked)
    assert asked["response_type"] == ["code"]
    set_cookie = begun.headers["set-cookie"].lower()
    assert "httponly" in set_cookie
    assert "samesite=lax" in set_cookie
    assert f"path={OPENID}" in set_cookie


def test_a_refusal_of_the_provider_and_rubbish_are_problems(signing: Signing) -> None:
    assert "let nobody in" in problem(httpx.get(f"{signing.url}{CALLBACK}?error=access_denied"), 401)["detail"]
    problem(httpx.get(f"{signing.url}{CALLBACK}?code=%00&state=1"), 422)
    browser, back = signing.begin()
    wrong = back.replace("code=", "code=x")
    assert "does not take this code" in problem(browser.get(wrong), 401)["detail"]


def test_a_provider_that_is_away_or_another_one_is_503(signing: Signing, tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    provider = SomeProvider(tmp_path, "http://127.0.0.1:1/x")
    provider.told(lie="discovery")
    known = make_openid(provider.issuer, "lendloop", "provider secret", "http://127.0.0.1:1/x", ROLES)
    worker.openid = True
    worker.prepared = lambda clerk: setattr(clerk, "provider", Provider(known, clerk.staff, SECRET))
    with served(worker) as url:
        assert httpx.get(url + OPENID).headers["retry-after"] == "5"
        problem(httpx.get(url + OPENID), 503)
        provider.stop()
        problem(httpx.get(url + OPENID), 503)
        assert httpx.get(url + "/readyz").status_code == 200
    worker.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"issuer": "http://id.example"}, "ISSUER"),
        ({"issuer": "ftp://127.0.0.1"}, "ISSUER"),
        ({"redirect": "http://lender.example/back"}, "REDIRECT"),
        ({"client": ""}, "CLIENT"),
        ({"secret": ""}, "SECRET"),
        ({"roles": {}}, "ROLES"),
        ({"roles": {"credit": "king"}}, "ROLES"),
        ({"portfolios": "../x"}, "PORTFOLIOS"),
    ],
)
def test_settings_that_cannot_be_used_are_named(change: dict[str, Any], message: str) -> None:
    good = {"issuer": "https://id.example", "client": "x", "secret": "s", "roles": {"credit": "reviewer"}}
    given = {**good, "redirect": "https://lender.example/v1/staff/openid/callback", **change}
    with pytest.raises(BadProvider, match=f"LENDLOOP_OPENID.*{message}") as refused:
        make_openid(**given)
    assert "'s'" not in str(refused.value)
