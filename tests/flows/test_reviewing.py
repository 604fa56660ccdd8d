"""Staff and reviews as a person types them: accounts, a session in a file of one's own, a review decided by two."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from flows.acting import BadActor
from flows.cli.decisions import pause
from flows.cli.reviews import app as reviews
from flows.cli.staff import app as staff
from flows.partnering import login_name
from flows.reviewing import BadReview
from infra.settings import Settings
from serving.log.keys import open_keys
from serving.pauses import Pause, open_pauses
from serving.pointers import write_pointer
from serving.reviews.board import NoReview, NotAllowed
from serving.staff.member import BadStaff
from serving.staff.passwords import BadPassword
from serving.staff.reception import NotSignedIn
from tests.serving.reviews.desk import Desk, opened
from tests.serving.small_releases import PORTFOLIO, build_small

PASSWORD = "correct horse battery"
PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A home with a release, and with a log for decisions that wait for people."""
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LENDLOOP_PORTFOLIOS", str(PORTFOLIOS))
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("serving.staff.passwords.PasswordHasher", lambda: cheap)
    settings = Settings()
    write_pointer(settings.releases, PORTFOLIO, build_small(settings.releases))
    with opened(settings.decision_log_url, open_keys("", settings.log_key_file)) as found:
        yield found


def waiting(desk: Desk, people: int = 1) -> str:
    """A decision of just now that waits for people."""
    record = desk.decision(portfolio=PORTFOLIO, people=people, decided_at=datetime.now(UTC), reasons=(), rules=())
    return record.decision_id


def run(app, *words: str, typed: str = "") -> str:
    found = CliRunner().invoke(app, list(words), input=typed)
    if found.exception is not None:
        raise found.exception
    return " ".join(found.output.split())


def add(name: str, roles: str = "reviewer", portfolios: str = "*") -> str:
    words = ("add", name, "--roles", roles, "--portfolios", portfolios, "--password-stdin", "--by", "root")
    return run(staff, *words, typed=PASSWORD + "\n")


def login(name: str) -> str:
    return run(staff, "login", name, "--password-stdin", typed=PASSWORD + "\n")


def test_two_people_decide_a_review_from_the_command_line(desk: Desk) -> None:
    name = waiting(desk, people=2)
    for one in ("ann", "bob"):
        assert f"{one} is on the staff" in add(one)
    assert "you are ann" in login("ann")
    assert name[:13] in run(reviews, "list")
    shown = run(reviews, "show", name)
    assert "two different people may approve" in shown
    assert "nothing yet" in shown
    assert "it is yours until" in run(reviews, "claim", name)
    words = ("decide", name, "--approve", "500", "--reason", "payslips seen", "--code", "USE")
    assert "waits for a second person" in run(reviews, *words)
    with pytest.raises(Exception, match="yourself"):
        run(reviews, "confirm", name, "--reason", "sure")
    login("bob")
    assert "approved up to 500 by ann and bob" in run(reviews, "confirm", name, "--reason", "same conclusion")
    assert '"state": "approved"' in run(reviews, "show", name, "--json")
    assert name[:13] in run(reviews, "list", "--state", "approved", "-p", PORTFOLIO)
    assert desk.log.verify().valid


def test_a_review_is_released_declined_and_expires(desk: Desk) -> None:
    first, second = waiting(desk), waiting(desk)
    add("ann")
    login("ann")
    run(reviews, "claim", first)
    assert "it is open again" in run(reviews, "release", first)
    run(reviews, "claim", first)
    assert "declined by ann" in run(reviews, "decide", first, "--decline", "--reason", "no income shown")
    assert "0 reviews" in run(reviews, "expire", "-p", PORTFOLIO)
    assert "1 reviews" in run(reviews, "expire", "-p", PORTFOLIO, "--at", "2199-01-01T00:00:00Z")
    assert "EXPIRED" in run(reviews, "show", second)


def test_staff_leave_a_decision_to_people_for_an_applicant_who_asks_them(desk: Desk) -> None:
    given = {"outcome": "approve", "score": 75.0, "offer": {"limit": 900}, "decided_at": datetime.now(UTC)}
    name = desk.decision(portfolio=PORTFOLIO, **given, reasons=(), rules=()).decision_id
    for one, roles in (("ann", "reviewer"), ("amy", "auditor"), ("far", "reviewer")):
        add(one, roles, "bank_deposits" if one == "far" else "*")
    login("amy")
    with pytest.raises(NotAllowed, match="reviewer"):
        run(reviews, "refuse", name)
    login("far")
    with pytest.raises(NoReview):
        run(reviews, "refuse", name)
    login("ann")
    for _ in range(2):
        assert "the review is open, until" in run(reviews, "refuse", name, "--reason", "rang us up")
    assert name[:13] in run(reviews, "list")
    shown = run(reviews, "show", name)
    assert "the machine's word was approve, which the applicant refused" in shown
    assert "refuse ann rang us up" in shown
    with pytest.raises(BadReview, match="reason"):
        run(reviews, "refuse", name, "--reason", "x")


def test_the_session_is_this_user_s_alone_and_ends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotSignedIn, match="staff login"):
        run(reviews, "list")
    add("ann")
    login("ann")
    file = Settings().session_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert PASSWORD not in file.read_text()
    run(reviews, "list")
    run(staff, "password", "ann", "--password-stdin", typed=PASSWORD + "\n")
    with pytest.raises(NotSignedIn):
        run(reviews, "list")
    login("ann")
    run(staff, "logout")
    assert not file.exists()
    monkeypatch.setenv("LENDLOOP_STAFF", "ann")
    assert "no review" in run(reviews, "list", typed=PASSWORD + "\n")
    with pytest.raises(NotSignedIn, match="wrong"):
        run(reviews, "list", typed="guess\n")
    run(staff, "end", "ann")
    with pytest.raises(NotSignedIn):
        run(reviews, "list", typed=PASSWORD + "\n")


def test_who_is_on_the_staff_is_listed_and_changed() -> None:
    assert "nobody" in run(staff, "list")
    add("ann", "reviewer", "taiwan_cards")
    assert "risk_officer" in run(staff, "roles", "ann", "--roles", "risk_officer")
    listed = run(staff, "list")
    assert "risk_officer taiwan_cards local" in listed
    for words, fault in (
        (("add", "bob", "--roles", "king", "--portfolios", "*"), BadStaff),
        (("add", "bob", "--roles", "auditor", "--portfolios", "nowhere"), BadStaff),
        (("add", "ann", "--roles", "auditor", "--portfolios", "*"), BadStaff),
        (("roles", "bob", "--roles", "auditor"), BadStaff),
        (("password", "bob"), BadStaff),
    ):
        given = [] if words[0] == "roles" else ["--password-stdin"]
        with pytest.raises(fault):
            run(staff, *words, *given, typed=PASSWORD + "\n")
    with pytest.raises(BadPassword):
        run(staff, "password", "ann", "--password-stdin", typed="short\n")


def test_a_password_is_asked_for_twice_and_never_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD + "x", PASSWORD, PASSWORD])
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    words = ("add", "ann", "--roles", "reviewer", "--portfolios", "*")
    with pytest.raises(BadStaff, match="not the same"):
        run(staff, *words)
    assert "ann is on the staff" in run(staff, *words)
    assert "--password " not in CliRunner().invoke(staff, ["add", "--help"]).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("decide", "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", "--reason", "because"), "either --approve"),
        (("decide", "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", "--reason", "b", "--decline"), "reason"),
        (("decide", "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10", "--reason", "because", "--approve", "-3"), "limit"),
        (("claim", "0193f5a1-7c1e-7b02-9d55-2f6b1f0e6a10"), "no such review"),
        (("list", "--state", "gone"), "--state"),
        (("list", "-p", "nowhere"), "no portfolio"),
    ],
)
def test_what_cannot_be_done_is_said(words: tuple[str, ...], message: str) -> None:
    add("ann")
    login("ann")
    with pytest.raises(Exception, match=message) as refused:
        run(reviews, *words)
    assert type(refused.value).__module__.partition(".")[0] in ("serving", "flows", "features")


def test_a_pause_that_is_lifted_is_an_act_in_the_chain(desk: Desk) -> None:
    pauses, now = open_pauses(Settings().decision_log_url, desk.log.vault), datetime.now(UTC)
    pauses.set_pause(Pause("taiwan_cards", now.date(), "psi", "drift", "monitoring", now))
    pauses.close()
    words = ("lift", "-p", "taiwan_cards", "--by", "ann", "--reason", "looked at it")
    assert "lifted 1" in run(pause, *words)
    assert "not paused" in run(pause, *words)
    add("ria", "risk_officer")
    login("ria")
    assert "is paused" in run(pause, "set", "-p", "taiwan_cards", "--by", "ria", "--reason", "new rules")
    with pytest.raises(BadActor, match="ria is signed in"):
        run(pause, "lift", "-p", "taiwan_cards", "--by", "ann", "--reason", "in her name")
    found = [stored for stored, _ in desk.log.read_chain(0, desk.log.head().records) if stored["portfolio"] != "*"]
    assert {(stored["kind"], stored["portfolio"]) for stored in found} == {("staff", "taiwan_cards")}
    told = [(stored["outcome"], json.loads(stored["inputs"])["by"]) for stored in found]
    user = f"os:{login_name()}"
    assert told == [("set_pause", "monitoring"), ("lift_pause", f"ann ({user})"), ("set_pause", "ria")]
    assert desk.log.verify().valid
