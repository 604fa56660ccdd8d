"""Reviews under any sequence of acts, by a clock that only goes on, against a model of a few dictionaries."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from serving.reviews.board import NoReview, Ruling
from serving.reviews.listing import Wanted
from serving.reviews.review import STATES, Refused
from tests.serving.log.examples import START
from tests.serving.reviews.desk import CARDS, opened, release, someone

CLAIM, EACH, DAYS = 30, 2, 2
TERMS = release(claim_minutes=CLAIM, claims_each=EACH, expire_days=DAYS)
PEOPLE = ("ann", "bob", "eve")


class Reviewing(RuleBasedStateMachine):
    """The model: when each review was opened, who holds it until when, who proposed it, and how it ended.

    What a machine decided is no review until its applicant refuses that.
    """

    reviews = Bundle("reviews")
    people = st.sampled_from(PEOPLE)

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.context = opened(f"sqlite:///{Path(self.folder.name) / 'log.db'}")
        self.desk = self.context.__enter__()
        self.now, self.count = START + timedelta(minutes=1), 0
        self.opened: dict = {}
        self.people_needed: dict = {}
        self.held: dict = {}
        self.proposed: dict = {}
        self.ended: dict = {}
        self.refused: set = set()
        self.place: dict = {}
        self.acts = 0

    def teardown(self) -> None:
        self.context.__exit__(None, None, None)
        self.folder.cleanup()

    # What the model says.

    def state(self, name: str) -> str:
        if name not in self.opened:
            return "decided"
        if name in self.ended:
            return self.ended[name]
        if self.now >= self.opened[name] + timedelta(days=DAYS):
            return "expired"
        if name in self.proposed:
            return "confirming"
        return "claimed" if name in self.held and self.held[name][1] > self.now else "open"

    def among(self, state: str) -> list[str]:
        found = [name for name in self.opened if self.state(name) == state]
        return sorted(found, key=lambda name: (self.opened[name], self.place[name]))

    def holds(self, person: str) -> int:
        return sum(self.state(name) == "claimed" and who == person for name, (who, _) in self.held.items())

    def expected(self, allowed: bool, act) -> bool:
        """Do an act, which must be refused unless the model allows it; whether it was done."""
        try:
            act()
        except (Refused, NoReview):
            assert not allowed
            return False
        assert allowed
        self.acts += 1
        return True

    def case(self, name: str):
        return self.desk.board.find(name)

    # What may happen.

    @initialize(target=reviews)
    def first(self):
        return self.open_one(2)

    @rule(target=reviews, people=st.sampled_from([1, 2]))
    @precondition(lambda self: self.count < 6)
    def opens(self, people: int):
        return self.open_one(people)

    def open_one(self, people: int) -> str:
        self.count += 1
        name = self.desk.decision(int((self.now - START).total_seconds()), people=people).decision_id
        self.opened[name], self.people_needed[name], self.place[name] = self.now, people, self.count
        return name

    @rule(target=reviews, people=st.sampled_from([1, 2]), outcome=st.sampled_from(["approve", "decline"]))
    @precondition(lambda self: self.count < 6)
    def machine_decides(self, people: int, outcome: str):
        self.count += 1
        given = {"outcome": outcome, "offer": {"limit": 10}, "score": 35.0 if people == 2 else 70.0}
        name = self.desk.decision(int((self.now - START).total_seconds()), **given).decision_id
        self.people_needed[name], self.place[name] = people, self.count
        return name

    @rule(name=reviews)
    def applicant_refuses(self, name: str) -> None:
        before, again = self.state(name), name in self.refused
        record = self.desk.board.decision(name)
        act = lambda: self.desk.board.refuse(record, "partner:shop", TERMS, self.now)  # noqa: E731
        if not self.expected(again or before not in ("approved", "declined"), act):
            return
        if again:
            self.acts -= 1
            return
        if before == "expired":
            # What nobody had ended is begun anew; the platform's own end of it is on record, now or already.
            self.acts += self.ended.pop(name, None) is None
            self.held.pop(name, None)
            self.proposed.pop(name, None)
        self.opened[name] = self.now
        self.refused.add(name)

    @rule(name=reviews, person=people)
    def anyone_claims(self, name: str, person: str) -> None:
        self.claim(name, person)

    def claim(self, name: str, person: str) -> None:
        allowed = self.state(name) == "open" and self.holds(person) < EACH
        if self.expected(allowed, lambda: self.desk.board.claim(self.case(name), someone(person), TERMS, self.now)):
            due = self.opened[name] + timedelta(days=DAYS)
            self.held[name] = (person, min(self.now + timedelta(minutes=CLAIM), due))

    @rule(name=reviews, person=people)
    def releases(self, name: str, person: str) -> None:
        mine = self.state(name) == "claimed" and self.held[name][0] == person
        if self.expected(mine, lambda: self.desk.board.release(self.case(name), someone(person), TERMS, self.now)):
            del self.held[name]

    @rule(data=st.data(), person=people)
    @precondition(lambda self: self.among("open"))
    def takes_an_open_one(self, data: st.DataObject, person: str) -> None:
        self.claim(data.draw(st.sampled_from(self.among("open"))), person)

    @rule(data=st.data(), approves=st.booleans())
    @precondition(lambda self: self.among("claimed"))
    def holder_decides(self, data: st.DataObject, approves: bool) -> None:
        name = data.draw(st.sampled_from(self.among("claimed")))
        self.decide(name, self.held[name][0], approves)

    @rule(data=st.data(), person=people, agrees=st.booleans())
    @precondition(lambda self: self.among("confirming"))
    def is_confirmed(self, data: st.DataObject, person: str, agrees: bool) -> None:
        self.confirm(data.draw(st.sampled_from(self.among("confirming"))), person, agrees)

    @rule(name=reviews, person=people, approves=st.booleans())
    def anyone_decides(self, name: str, person: str, approves: bool) -> None:
        self.decide(name, person, approves)

    def decide(self, name: str, person: str, approves: bool) -> None:
        mine = self.state(name) == "claimed" and self.held[name][0] == person
        ruling = Ruling(10.0 if approves else None, "because")
        act = lambda: self.desk.board.decide(self.case(name), someone(person), TERMS, self.now, ruling)  # noqa: E731
        if self.expected(mine, act):
            del self.held[name]
            if approves and self.people_needed[name] == 2:
                self.proposed[name] = person
            else:
                self.ended[name] = "approved" if approves else "declined"

    @rule(name=reviews, person=people, agrees=st.booleans())
    def anyone_confirms(self, name: str, person: str, agrees: bool) -> None:
        self.confirm(name, person, agrees)

    def confirm(self, name: str, person: str, agrees: bool) -> None:
        allowed = self.state(name) == "confirming" and self.proposed[name] != person
        said = Ruling(None, "because")
        act = lambda: self.desk.board.confirm(self.case(name), someone(person), TERMS, self.now, agrees, said)  # noqa: E731
        if self.expected(allowed, act):
            self.ended[name] = "approved" if agrees else "declined"

    @rule(minutes=st.sampled_from([1, CLAIM - 1, CLAIM, CLAIM, 600, DAYS * 1440]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def platform_ends_what_is_due(self) -> None:
        due = [name for name in self.opened if name not in self.ended and self.state(name) == "expired"]
        assert self.desk.board.expire(CARDS, TERMS.policy.reviews, self.now) == len(due)
        self.acts += len(due)
        self.ended |= dict.fromkeys(due, "expired")

    # What always holds.

    @invariant()
    def board_and_model_agree(self) -> None:
        terms = TERMS.policy.reviews
        listed = {
            state: [one.decision_id for one in self.desk.board.page(Wanted({CARDS: terms}, self.now, state))]
            for state in STATES
        }
        assert listed == {state: self.among(state) for state in STATES}
        for name in self.opened:
            assert (self.case(name).refusal is not None) == (name in self.refused)
            standing = self.case(name).standing(terms, self.now)
            assert standing.state == self.state(name)
            if standing.state == "approved":
                assert len(standing.decided_by) == self.people_needed[name]
            if standing.state == "claimed":
                assert (standing.holder, standing.until) == self.held[name]

    @invariant()
    def every_act_is_in_the_chain(self) -> None:
        assert self.desk.log.head().records == self.count + self.acts


TestReviewing = Reviewing.TestCase
TestReviewing.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
