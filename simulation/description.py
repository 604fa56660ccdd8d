"""A world's description: all that its bytes follow from, kept beside them."""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from simulation.scenarios.plan import Plan
from simulation.scenarios.scenario import Scenario
from simulation.shard import Shard

SHARD = 50_000
"""Customers whose rows share files."""


LAYOUT = 5
"""What a world holds; one of another layout is not gone on with. 2: changed loans land anew; 3: contacts beyond the cap
are refused, loans know what their instalment was at first, faults name rows by the
whole key, people move, have children, return what they bought and borrow elsewhere; 4: every table has corrected and
malformed records, and no column a name that never comes; 5: corrections wait for the end of an outage."""


class WorldError(ValueError):
    """A world cannot be run as asked; the message says what was found and what to try."""


class Description(Plan):
    """Which world: `part` (customers at a time) changes no byte, all else does."""

    scenario: Scenario
    seed: int = 1
    customers: Annotated[int, Field(gt=0, lt=100_000_000)] = 10_000
    policy: str = "approve_all"
    shard: Annotated[int, Field(gt=0)] = SHARD
    part: Annotated[int, Field(gt=0)] = SHARD
    stepped_by: Literal["policy", "lender"] = "policy"
    """Whose decisions act: one's days cannot go on from the other's."""
    layout: int = LAYOUT

    def firsts(self) -> range:
        """The first customer of each shard."""
        return range(1, self.customers + 1, self.shard)

    def open_shard(self, out: Path, first: int) -> Shard:
        """The shard that begins with a customer, behind its last checkpoint."""
        count = min(self.shard, self.customers + 1 - first)
        return Shard(self.scenario, self.seed, out, first, count, min(self.part, count))

    def settle(self, out: Path) -> None:
        """Note it in `world.json`; raises `WorldError` where another world lives in the folder."""
        file = out / "world.json"
        out.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_text(
                json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
            )
            return
        there = _read(file)
        if there.stepped_by != self.stepped_by:
            raise WorldError(
                f"{out} holds a world stepped by a {there.stepped_by}, not by a {self.stepped_by}:"
                " take another folder, or remove it"
            )
        if differing := [name for name in type(self).model_fields if getattr(there, name) != getattr(self, name)]:
            raise WorldError(
                f"{out} holds another world ({', '.join(differing)} differ): take another folder, or remove it"
            )


def _read(file: Path) -> Description:
    try:
        written = {"layout": 1, **json.loads(file.read_text(encoding="utf-8"))}
        return Description.model_validate_json(json.dumps(written))
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
    except (ValueError, TypeError):
        where = "not a JSON object"
    raise WorldError(f"{file} describes no world ({where}): take another folder, or remove it")
