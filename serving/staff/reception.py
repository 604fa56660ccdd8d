"""The reception: lets staff in by password, each attempt counted before it is looked at, and knows who comes again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from serving.log.database import Session
from serving.log.record import time_text
from serving.staff.book import StaffBook
from serving.staff.member import BadStaff, Member
from serving.staff.passwords import Passwords
from serving.staff.sessions import LIFE_SECONDS, make_session, read_session

FREE_ATTEMPTS = 5  # wrong ones in a row before a wait
FIRST_WAIT, LONGEST_WAIT = 30.0, 900.0  # seconds; each wrong one more doubles it


class NotSignedIn(PermissionError):
    """Who asked is not let in; why, in words that tell nobody which names there are."""


WRONG = "the name or the password is wrong, or there were too many wrong ones: then wait up to 15 minutes"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A member with the token of their session."""

    member: Member
    token: str
    seconds: int = LIFE_SECONDS


class Reception:
    """Signs staff in; every method blocks and may be called from any thread."""

    def __init__(self, book: StaffBook, secret: bytes, passwords: Passwords | None = None) -> None:
        self.book, self.passwords = book, passwords or Passwords()
        self._secret = secret

    def sign_in(self, name: str, password: str, at: datetime) -> SignedIn:
        """Let a member with a local account in, or raise `NotSignedIn`."""
        stored, failures = self.book.database.write(lambda session: _attempt(session, name, at))
        # Also for who is unknown or has to wait, so that the time it takes tells nothing.
        if not self.passwords.fits(stored, password):
            if stored is not None and failures >= FREE_ATTEMPTS:
                self.book.note("lock", name, by=name, at=at, more={"failures": failures})
            raise NotSignedIn(WRONG)
        return self.admit(name, "password", at)

    def admit(self, name: str, how: str, at: datetime) -> SignedIn:
        """A session for a member who has proved who they are, or `NotSignedIn`."""
        try:
            member = self.book.signed_in(name, how, at=at)
        except BadStaff:
            raise NotSignedIn(WRONG) from None
        return SignedIn(member, make_session(self._secret, member, at))

    def member(self, token: str, at: datetime) -> Member | None:
        """The member whose session a token is, with the roles they have now; None: nobody's, or it is over."""
        claims = read_session(self._secret, token, at)
        found = self.book.find(claims[0]) if claims else None
        return found if found is not None and claims is not None and found.generation == claims[1] else None

    def close(self) -> None:
        """Close the book."""
        self.book.close()


def _attempt(session: Session, name: str, at: datetime) -> tuple[str | None, int]:
    """Count an attempt as a wrong one, until it proves right; the hash to compare with, None: no attempt is allowed."""
    columns = "password, failures, locked_until"
    sql = f"SELECT {columns} FROM staff WHERE name = ? AND ended_at IS NULL{session.for_update}"
    rows = session.rows(sql, [name])
    if not rows or (rows[0][2] is not None and rows[0][2] > time_text(at)):
        return None, 0
    failures = rows[0][1] + 1
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - FREE_ATTEMPTS, 10))
    until = time_text(at + timedelta(seconds=wait)) if failures >= FREE_ATTEMPTS else None
    session.run("UPDATE staff SET failures = ?, locked_until = ? WHERE name = ?", [failures, until, name])
    return rows[0][0], failures
