"""A review as a sequence of acts: where it stands, and what may follow. Pure: the time is the caller's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args

from serving.log.record import PLATFORM
from serving.policy import Reviews
from serving.reviews.act import Act, Outcome

State = Literal["open", "claimed", "confirming", "approved", "declined", "expired"]
STATES: tuple[State, ...] = get_args(State)
WAITING: tuple[State, ...] = ("open", "claimed", "confirming")
_ENDED: dict[Outcome, State] = {"approve": "approved", "decline": "declined", "expired": "expired"}


class Refused(RuntimeError):
    """The review does not stand so that this can be done; the message says how it stands."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a review stands at a moment.

    `holder` has claimed it `until` then; `proposer` approved it as the first of two. `outcome` and `ended_at` are of a
    review that ended, `limit` of one that was approved or is to be confirmed; `refused_at` of one that the applicant
    asked for.
    """

    state: State
    due: datetime
    holder: str | None = None
    until: datetime | None = None
    proposer: str | None = None
    limit: float | None = None
    outcome: Outcome | None = None
    ended_at: datetime | None = None
    decided_by: tuple[str, ...] = ()
    refused_at: datetime | None = None


def stand(opened_at: datetime, acts: Sequence[Act], terms: Reviews, at: datetime) -> Standing:
    """Where a review with these acts stands at a moment; one that is past its time has ended, recorded or not.

    An applicant's refusal of the machine's decision gives it all of its time anew, also when nobody had ended it.
    """
    refusal = refusal_in(acts)
    opened = opened_at if refusal is None else refusal.at
    found = _stand(opened + timedelta(days=terms.expire_days), _since(acts, refusal), terms, at)
    return found if refusal is None else replace(found, refused_at=refusal.at)


def refusal_in(acts: Sequence[Act]) -> Act | None:
    """The act by which the applicant refused the machine's decision, if there is one."""
    return next((act for act in acts if act.name == "refuse"), None)


def _since(acts: Sequence[Act], refusal: Act | None) -> Sequence[Act]:
    """The acts that count: what led to an end that a refusal has undone counts no more."""
    if refusal is None:
        return acts
    place = acts.index(refusal)
    ended = place > 0 and acts[place - 1].outcome is not None
    return [*([] if ended else acts[:place]), *acts[place + 1 :]]


def _stand(due: datetime, acts: Sequence[Act], terms: Reviews, at: datetime) -> Standing:
    proposal = next((act for act in acts if act.name == "propose"), None)
    proposer, limit = (proposal.by, proposal.limit) if proposal else (None, None)
    last = acts[-1] if acts else None
    if last is not None and last.outcome is not None:
        return _ended(last, due, proposer)
    if at >= due:
        return Standing("expired", due, outcome=terms.expired, ended_at=due)
    if proposal is not None:
        return Standing("confirming", due, proposer=proposer, limit=limit)
    if last is not None and last.name == "claim" and last.until is not None and at < last.until:
        return Standing("claimed", due, last.by, last.until)
    return Standing("open", due)


def claim(standing: Standing, by: str, at: datetime, terms: Reviews, held: int) -> Act:
    """The act of a person who takes a review; `held`: how many they have taken already."""
    if standing.state != "open":
        raise Refused(f"the review {_is(standing)}; expected one that is open")
    if held >= terms.claims_each:
        raise Refused(f"you hold {held} reviews, and may hold {terms.claims_each}; decide or release one first")
    return Act("claim", by, at, min(at + timedelta(minutes=terms.claim_minutes), standing.due))


def release(standing: Standing, by: str, at: datetime) -> Act:
    """The act of a person who gives a review back."""
    _held(standing, by)
    return Act("release", by, at)


def decide(standing: Standing, by: str, at: datetime, limit: float | None, people: int) -> Act:
    """The act of the person who holds a review: they decline it, or approve up to `limit`; `people` must approve."""
    _held(standing, by)
    if limit is None:
        return Act("decline", by, at, outcome="decline")
    if people > 1:
        return Act("propose", by, at, limit=limit)
    return Act("approve", by, at, limit=limit, outcome="approve")


def confirm(standing: Standing, by: str, at: datetime, agrees: bool) -> Act:
    """The act of the second person: an approval is final, or it is declined; never by the first once more."""
    if standing.state != "confirming":
        raise Refused(f"the review {_is(standing)}; expected one that waits for a second person")
    if by == standing.proposer:
        raise Refused("you approved it yourself; expected another person to confirm it")
    if not agrees:
        return Act("decline", by, at, outcome="decline")
    return Act("approve", by, at, limit=standing.limit, outcome="approve")


def refuse(opened_at: datetime | None, acts: Sequence[Act], terms: Reviews, refusal: Act) -> list[Act]:
    """What a refusal of the machine's decision adds to a review; nothing when it was refused before.

    `opened_at`: when the machine left it to people, None: it did not. What nobody ended in time ends first, on record.
    """
    if refusal_in(acts) is not None:
        return []
    if opened_at is None:
        return [refusal]
    standing = stand(opened_at, acts, terms, refusal.at)
    if standing.state in ("approved", "declined"):
        people = " and ".join(standing.decided_by)
        raise Refused(f"the review {_is(standing)} by {people}: people have decided it already, and no machine has")
    late = expire(opened_at, acts, terms, refusal.at)
    return [refusal] if late is None else [late, refusal]


def expire(opened_at: datetime, acts: Sequence[Act], terms: Reviews, at: datetime) -> Act | None:
    """The act by which the platform ends a review that is past its time; None: it is not, or has ended already."""
    standing = stand(opened_at, acts, terms, at)
    if standing.state != "expired" or (acts and acts[-1].outcome is not None):
        return None
    return Act("expire", PLATFORM, at, standing.due, outcome=terms.expired)


def _ended(last: Act, due: datetime, proposer: str | None) -> Standing:
    assert last.outcome is not None
    state: State = "expired" if last.name == "expire" else _ENDED[last.outcome]
    people = () if state == "expired" else tuple(dict.fromkeys(filter(None, (proposer, last.by))))
    limit, ended_at = (last.limit if state == "approved" else None), last.at
    if state == "expired" and last.until is not None:
        ended_at = last.until  # whenever that was noticed
    return Standing(
        state, due, proposer=proposer, limit=limit, outcome=last.outcome, ended_at=ended_at, decided_by=people
    )


def _held(standing: Standing, by: str) -> None:
    if standing.state != "claimed":
        raise Refused(f"the review {_is(standing)}; expected one that you have claimed")
    if standing.holder != by:
        raise Refused(f"the review {_is(standing)}; expected one that you have claimed yourself")


def _is(standing: Standing) -> str:
    if standing.state == "claimed":
        assert standing.until is not None
        return f"is claimed by {standing.holder} until {standing.until:%Y-%m-%d %H:%M:%S} UTC"
    return {"confirming": "waits for a second person", "open": "is open"}.get(standing.state, f"is {standing.state}")
