"""Relations: what the lender hears of who is linked to whom, and the truth about it."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.people.graph import Links
from simulation.people.population import links
from simulation.process import Events
from simulation.schema.customers import RELATIONS
from simulation.state import State

HEARD_AFTER = {"transfer_friend": 90, "colleague": 60, "household": 20}
"""Days within which the lender learns of a link; of the others at once."""
UNHEARD = 255


class Relations:
    """Tells links when both people are customers. Links follow from ids like people do: checkpoints have none."""

    name = "relations"

    def begin(self, state: State, draws: Draws) -> None:
        """Draw the links, in the order in which they are told."""
        found = links(state.scenario, draws, int(state.people.id[0]), len(state.people))
        start = Day.on(state.scenario.start).number
        true_day = np.maximum(found.day, start)
        self._true, self._true_days = _sorted(found, true_day)
        heard = found.kept(found.kind != UNHEARD)
        self._heard, self._heard_days = _sorted(heard, _heard_day(heard, draws, start))

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's."""
        heard, true = _on(self._heard, self._heard_days, day), _on(self._true, self._true_days, day)
        return {
            "relations": {
                "customer_id": heard.customer,
                "related_id": heard.related,
                "relation": heard.kind,
                "event_timestamp": day.at(30_000 + (heard.customer * 7 + heard.related) % 40_000),
            },
            "true_relations": {
                "customer_id": true.customer,
                "related_id": true.related,
                "strength": true.strength,
                "event_timestamp": day.at(np.zeros(len(true))),
            },
        }


def _heard_day(found: Links, draws: Draws, start: int) -> Ints:
    wait = np.zeros(256)
    for name, most in HEARD_AFTER.items():
        wait[RELATIONS.code(name)] = most
    later = (wait[found.kind] * draws.uniform("relations.heard", found.customer, 0, found.related)).astype(np.int64)
    return np.asarray(np.maximum(found.day + later, start), dtype=np.int64)


def _sorted(found: Links, days: Ints) -> tuple[Links, Ints]:
    order = np.argsort(days, kind="stable")
    return found.kept(order), days[order]


def _on(found: Links, days: Ints, day: Day) -> Links:
    begin, end = np.searchsorted(days, [day.number, day.number + 1])
    return found.kept(slice(int(begin), int(end)))
