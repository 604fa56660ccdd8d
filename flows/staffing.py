"""`lendloop staff`: members added, changed and ended; and who acts at this command line."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from rich.table import Table

from features.portfolio import list_portfolios
from flows.partnering import open_secret
from flows.terminal import console
from flows.workspace import open_settings_log
from infra.files import private
from infra.settings import Settings
from serving.log.decision_log import DecisionLog
from serving.partners.partner import ALL
from serving.staff.book import StaffBook, open_staff
from serving.staff.member import BadStaff, Member, make_member
from serving.staff.passwords import Passwords
from serving.staff.reception import NotSignedIn, Reception, SignedIn


def add_member(name: str, roles: str, portfolios: str, from_input: bool, by: str) -> None:
    """Add a member with a local account; the password is asked for twice."""
    settings = Settings()
    member = make_member(name, roles, portfolios)
    _check_portfolios(settings, member)
    password = Passwords().make(name, _new_password(from_input))
    with _book(settings) as book:
        book.add(member, by=by, at=datetime.now(UTC), password=password)
    console.print(f"{name} is on the staff: {_roles(member)}; `lendloop staff login {name}` signs in at this machine")


def list_staff() -> None:
    """Print everyone who is or was on the staff."""
    with _book(Settings()) as book:
        found = book.history()
    table = Table(box=None)
    for title in ("name", "roles", "portfolios", "account", "added", "by", "last signed in", ""):
        table.add_column(title, overflow="fold")
    now = datetime.now(UTC)
    for one in found:
        who, last = one.member, _minute(one.signed_in_at) or "never"
        locked = one.locked_until is not None and datetime.fromisoformat(one.locked_until) > now
        state = f"ended {_minute(one.ended_at)}" if one.ended_at else "locked for a while" if locked else ""
        lists = (_roles(who), ",".join(sorted(who.portfolios)))
        table.add_row(who.name, *lists, one.account, _minute(one.added_at), one.added_by, last, state)
    console.print(
        table
        if table.rows
        else "nobody is on the staff yet; `lendloop staff add NAME --roles ROLES --portfolios PORTFOLIOS` adds one"
    )


def change_member(name: str, roles: str, portfolios: str, by: str) -> None:
    """Give a member other roles or portfolios; what is not given stays."""
    settings = Settings()
    with _book(settings) as book:
        before = _active(book, name)
        lists = (",".join(sorted(before.roles)), ",".join(sorted(before.portfolios)))
        member = make_member(name, roles or lists[0], portfolios or lists[1])
        _check_portfolios(settings, member)
        book.change(member, by=by, at=datetime.now(UTC))
    console.print(f"{name} has the roles {_roles(member)} for {','.join(sorted(member.portfolios))}")


def set_password(name: str, from_input: bool, by: str) -> None:
    """Give a local account another password."""
    with _book(Settings()) as book:
        _active(book, name)
        password = Passwords().make(name, _new_password(from_input))
        book.set_password(name, password, by=by, at=datetime.now(UTC))
    console.print(f"{name} has another password; sessions begun before are over")


def end_member(name: str, by: str) -> None:
    """End a member for good."""
    with _book(Settings()) as book:
        book.end(name, by=by, at=datetime.now(UTC))
    console.print(f"{name} is no longer on the staff")


def sign_in(name: str, from_input: bool) -> None:
    """Sign in, and keep the session in a file that only this user may read."""
    settings = Settings()
    with opened_reception(settings) as (reception, _):
        found = _signed_in(reception, name or settings.staff, from_input)
    file = settings.session_file
    with suppress(FileNotFoundError):
        file.unlink()
    private(file, found.token + "\n")
    console.print(
        f"you are {found.member.name} ({_roles(found.member)}) at this machine for {found.seconds // 60} minutes"
    )


def sign_out() -> None:
    """Forget the session."""
    Settings().session_file.unlink(missing_ok=True)
    console.print("nobody is signed in at this machine any more")


def acting(settings: Settings, reception: Reception) -> Member:
    """Who acts: whose session is kept, or the account in the settings, whose password is then asked for."""
    found = kept(settings, reception)
    if found is not None:
        return found
    if not settings.staff:
        raise NotSignedIn("nobody is signed in here; `lendloop staff login NAME` first, or set LENDLOOP_STAFF=NAME")
    return _signed_in(reception, settings.staff, not sys.stdin.isatty()).member


def kept(settings: Settings, reception: Reception) -> Member | None:
    """The member whose session is kept in home, unless the settings name another account."""
    with suppress(OSError, UnicodeDecodeError):
        found = reception.member(settings.session_file.read_text().strip(), datetime.now(UTC))
        return found if found is not None and settings.staff in ("", found.name) else None
    return None


@contextmanager
def opened_reception(settings: Settings) -> Iterator[tuple[Reception, DecisionLog]]:
    """The reception and the log that it writes to."""
    settings.root().mkdir(parents=True, exist_ok=True)
    log = open_settings_log(settings)
    reception = Reception(open_staff(settings.decision_log_url, log), open_secret(settings))
    try:
        yield reception, log
    finally:
        reception.close()
        log.close()


@contextmanager
def _book(settings: Settings) -> Iterator[StaffBook]:
    with opened_reception(settings) as (reception, _):
        yield reception.book


def _signed_in(reception: Reception, name: str, from_input: bool) -> SignedIn:
    if not name:
        raise NotSignedIn("found no name; expected that of an account: `lendloop staff login NAME`")
    password = _line() if from_input else getpass.getpass(f"password of {name}: ")
    return reception.sign_in(name, password, datetime.now(UTC))


def _new_password(from_input: bool) -> str:
    if from_input:
        return _line()
    first = getpass.getpass("a new password: ")
    if getpass.getpass("the same again: ") != first:
        raise BadStaff("password: the two were not the same; expected one password, typed twice")
    return first


def _line() -> str:
    return sys.stdin.readline().rstrip("\r\n")


def _check_portfolios(settings: Settings, member: Member) -> None:
    known = list_portfolios(settings.portfolios)
    if absent := sorted(member.portfolios - {*known, ALL}):
        raise BadStaff(f"portfolios: found {absent}, which there are not; expected some of {known}, or {ALL}")


def _active(book: StaffBook, name: str) -> Member:
    found = book.find(name)
    if found is None:
        raise BadStaff(f"{name[:80]!r} is not on the staff; `lendloop staff list` shows who is")
    return found


def _minute(time: str | None) -> str:
    return "" if time is None else time[:16].replace("T", " ")


def _roles(member: Member) -> str:
    return ",".join(sorted(member.roles))
