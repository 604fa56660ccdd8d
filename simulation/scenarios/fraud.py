"""The part of a scenario that is about fraud: who takes part, a wave of it, and a kind that is new at a chosen date."""

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from simulation.scenarios.plan import Month, Months, Plan


class Wave(Plan):
    """For some months there is so many times as much fraud."""

    month: Month
    months: Months = 3
    factor: Annotated[float, Field(gt=1, le=50)] = 5.0


class NewPattern(Plan):
    """A kind of fraud that nobody has seen before it `starts`; `share` of all customers take part by the end."""

    starts: date
    share: Annotated[float, Field(ge=0, le=0.05)] = 0.006


class FraudPlan(Plan):
    """Shares of all customers who are fraudsters of a kind, or victims, in the course of `joining_months`."""

    stolen: Annotated[float, Field(ge=0, le=0.05)] = 0.002
    synthetic: Annotated[float, Field(ge=0, le=0.05)] = 0.0015
    rings: Annotated[float, Field(ge=0, le=0.02)] = 0.003
    bust_out: Annotated[float, Field(ge=0, le=0.05)] = 0.001
    takeover: Annotated[float, Field(ge=0, le=0.05)] = 0.003
    smallest_ring: Annotated[int, Field(ge=2, le=20)] = 3
    largest_ring: Annotated[int, Field(ge=3, le=100)] = 40
    wave: Wave | None = None
    new_pattern: NewPattern | None = None

    @model_validator(mode="after")
    def _sizes_in_order(self) -> "FraudPlan":
        if self.smallest_ring > self.largest_ring:
            raise ValueError(f"smallest_ring is {self.smallest_ring}: give at most largest_ring, {self.largest_ring}")
        return self
