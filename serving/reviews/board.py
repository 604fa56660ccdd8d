"""The board of reviews: who takes one, who decides, who confirms. Of two who try at once, the database lets one."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from serving.decide import Decider
from serving.log.act import RANDOM_BYTES, about
from serving.log.canonical import Json
from serving.log.database import Database, Session, open_tables
from serving.log.decision_log import DecisionLog
from serving.log.record import PLATFORM, Record, make_id
from serving.policy import Reviews
from serving.reviews import listing, review
from serving.reviews.act import Act, Subject, act_of, open_act
from serving.reviews.allowed import confirmations, largest, people
from serving.reviews.listing import Listed, Wanted
from serving.reviews.review import Standing, stand
from serving.staff.member import Member

LEAST = 0.01  # a limit that people grant: less is no money
AT_ONCE = 25  # reviews that one commit ends: decisions wait for it no longer than for one of their own
_ACTS = "SELECT decision_id, inputs, offer, outcome, decided_at FROM decisions WHERE person = ? ORDER BY sequence"
Step = Callable[[Standing, int], Act]


class NotAllowed(PermissionError):
    """The person may not do this; the message says which role does."""


class NoReview(LookupError):
    """There is no such review, or its person was erased."""


class TooMuch(ValueError):
    """More than people may grant, or what is no limit at all."""


class TooLittle(TooMuch):
    """Less than a limit can be."""


@dataclass(frozen=True, slots=True)
class Case:
    """A review: the decision that asks for it, and what was done about it."""

    decision: Record
    acts: tuple[Act, ...] = ()

    @property
    def subject(self) -> Subject:
        """What its acts tell of the decision."""
        found = self.decision
        return Subject(found.decision_id, found.portfolio, found.release, found.decided_at)

    def standing(self, terms: Reviews, at: datetime) -> Standing:
        """Where it stands at a moment."""
        return stand(self.decision.decided_at, self.acts, terms, at)

    @property
    def is_review(self) -> bool:
        """Whether people are to decide it: the machine left it to them, or the applicant refused what it decided."""
        left = self.decision.outcome == "review" or self.refusal is not None
        return left and may_be_reviewed(self.decision)

    @property
    def refusal(self) -> Act | None:
        """The act by which the applicant refused the machine's decision."""
        return review.refusal_in(self.acts)

    def as_refused(self) -> "Case":
        """The case as its refusal left it."""
        return self if self.refusal is None else replace(self, acts=self.acts[: self.acts.index(self.refusal) + 1])

    @property
    def confirmations(self) -> int:
        """How many people must approve, as the decision or its refusal said."""
        said = self.decision.offer.get("confirmations", 1) if self.refusal is None else self.refusal.people
        return said if isinstance(said, int) else 1


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a person says: approved up to `limit` (None: declined), in their words and with reason codes."""

    limit: float | None
    reason: str
    reasons: tuple[Json, ...] = ()


class Board:
    """The reviews in one decision log; every method blocks and may be called from any thread or process."""

    def __init__(self, log: DecisionLog, database: Database) -> None:
        self._log, self._database = log, database

    def find(self, decision_id: str) -> Case:
        """The review of a decision, or `NoReview`."""
        case = self.of(self.decision(decision_id))
        if not case.is_review:
            raise NoReview("there is no such review")
        return case

    def decision(self, decision_id: str) -> Record:
        """A decision that is left to people, or can be; or `NoReview`."""
        record = self._log.find(decision_id)
        if record is None or not may_be_reviewed(record):
            raise NoReview("there is no such review")
        return record

    def of(self, record: Record) -> Case:
        """The review of a decision at hand."""
        acts = self._log.read_person(record.portfolio, about(record.decision_id))
        return Case(record, tuple(map(act_of, acts)))

    def page(self, wanted: Wanted) -> list[Listed]:
        """The wanted reviews, in the order in which they were opened."""
        return self._database.read(lambda session: listing.page(session, wanted))

    def claim(self, case: Case, member: Member, release: Decider, at: datetime) -> Case:
        """Take a review, for as long as the policy says."""
        terms = release.policy.reviews
        return self._act(case, member, terms, at, lambda now, held: review.claim(now, member.name, at, terms, held))

    def release(self, case: Case, member: Member, release: Decider, at: datetime) -> Case:
        """Give a review back."""
        terms = release.policy.reviews
        return self._act(case, member, terms, at, lambda now, _: review.release(now, member.name, at))

    def decide(self, case: Case, member: Member, release: Decider, at: datetime, ruling: Ruling) -> Case:
        """Decide a review that the member holds."""
        limit, needed = ruling.limit, 1
        if limit is not None:
            # What was recorded when it was refused or left to people holds, whatever the policy says by now.
            most = largest(release, case.decision)
            needed = max(case.confirmations, people(release, case.decision, limit))
            if limit > most:
                raise TooMuch(f"the policy lets people grant at most {most:g} here")
            if limit < LEAST:
                raise TooLittle(f"found {limit:g}; expected {LEAST:g} at least, or to decline")

        def step(now: Standing, _: int) -> Act:
            return review.decide(now, member.name, at, limit, needed).told(ruling.reason, ruling.reasons)

        return self._act(case, member, release.policy.reviews, at, step)

    def confirm(self, case: Case, member: Member, release: Decider, at: datetime, agrees: bool, said: Ruling) -> Case:
        """Confirm what another member approved, or decline it."""

        def step(now: Standing, _: int) -> Act:
            return review.confirm(now, member.name, at, agrees).told(said.reason, said.reasons)

        return self._act(case, member, release.policy.reviews, at, step)

    def refuse(self, record: Record, by: str, release: Decider, at: datetime, reason: str = "") -> Case:
        """Have people decide what the applicant refuses to have decided by a machine; doing it again adds nothing."""
        if not may_be_reviewed(record):
            raise NoReview("there is no such decision")
        left, terms = record.outcome == "review", release.policy.reviews
        refusal = Act("refuse", by, at, reason=reason, people=confirmations(release, record))
        subject, person = Case(record).subject, self._person(Case(record).subject)

        def rule(session: Session) -> list[Record]:
            _check_known(session, subject)
            _, acts = _read(session, person)
            made = review.refuse(subject.opened_at if left else None, acts, terms, refusal)
            if made:
                after = [*acts, *made]
                listing.note(session, subject, stand(subject.opened_at, after, terms, at))
                listing.note_refusal(session, subject, refusal)
            return [
                act.record(subject, number, os.urandom(RANDOM_BYTES)) for number, act in enumerate(made, len(acts) + 1)
            ]

        self._log.settle(subject.portfolio, at, rule)
        return self.of(record)

    def expire(self, portfolio: str, terms: Reviews, at: datetime) -> int:
        """End every review that is past its time at `at`; how many."""

        def rule(session: Session) -> list[Record]:
            late = listing.overdue(session, portfolio, terms, at, AT_ONCE)
            return [record for one in late if (record := self._ended(session, one, terms, at)) is not None]

        ended = 0
        while made := self._log.settle(portfolio, at, rule):
            ended += len(made)
        return ended

    def close(self) -> None:
        """Close the database; the log stays open."""
        self._database.close()

    def _act(self, case: Case, member: Member, terms: Reviews, at: datetime, step: Step) -> Case:
        subject, randomness = case.subject, os.urandom(RANDOM_BYTES)
        if not member.may_review(subject.portfolio):
            raise NotAllowed("expected a reviewer or a risk officer of this portfolio")
        person, own = self._person(subject), make_id(at, randomness[:10])

        def rule(session: Session) -> list[Record]:
            _check_known(session, subject)
            names, acts = _read(session, person)
            if own in names:
                return []  # the connection was lost after this very act was committed
            act = step(stand(subject.opened_at, acts, terms, at), listing.held(session, member.name, at))
            listing.note(session, subject, stand(subject.opened_at, [*acts, act], terms, at))
            return [act.record(subject, len(acts) + 1, randomness)]

        self._log.settle(subject.portfolio, at, rule)
        return self.of(case.decision)

    def _ended(self, session: Session, subject: Subject, terms: Reviews, at: datetime) -> Record | None:
        _, acts = _read(session, self._person(subject))
        act = review.expire(subject.opened_at, acts, terms, at)
        if act is None:
            return None
        listing.note(session, subject, stand(subject.opened_at, [*acts, act], terms, at))
        return act.record(subject, len(acts) + 1, os.urandom(RANDOM_BYTES))

    def _person(self, subject: Subject) -> str:
        return self._log.vault.person(subject.portfolio, about(subject.decision_id))


def open_board(url: str, log: DecisionLog) -> Board:
    """The reviews in the log at `url`, which `log` is; or `LogUnavailable`."""
    return Board(log, open_tables(url, listing.NEWEST, listing.STATEMENTS))


def may_be_reviewed(record: Record) -> bool:
    """Whether a record is a decision about a person's application; the platform's own checks are none."""
    return record.kind == "decision" and record.partner != PLATFORM and not record.erased


def _check_known(session: Session, subject: Subject) -> None:
    sql = "SELECT 1 FROM decisions WHERE decision_id = ? AND person IS NOT NULL"
    if not session.rows(sql, [subject.decision_id]):
        raise NoReview("there is no such review")


def _read(session: Session, person: str) -> tuple[list[str], list[Act]]:
    """The acts of a review by what is not sealed of them, and the names of their records."""
    rows = session.rows(_ACTS, [person])
    acts = [
        open_act(json.loads(inputs), json.loads(offer), outcome, datetime.fromisoformat(at))
        for _, inputs, offer, outcome, at in rows
    ]
    return [row[0] for row in rows], acts
