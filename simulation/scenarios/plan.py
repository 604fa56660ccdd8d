"""What the parts of a scenario are made of: strict, frozen, and of numbers that a world can be made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Month = Annotated[int, Field(ge=0, le=1_200)]
"""Months after the scenario's start."""
Months = Annotated[int, Field(gt=0, le=1_200)]
Days = Annotated[int, Field(gt=0, le=366)]


class Plan(BaseModel):
    """A part of a scenario: frozen, strict about its keys, and without numbers that are none or have no end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
