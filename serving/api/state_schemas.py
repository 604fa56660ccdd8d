"""What the API tells of the service itself: releases, and whether it lives and can decide."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ChallengerAnswer(BaseModel):
    """The release that is tried beside the champion."""

    release: str = Field(description="SHA-256 of the release that is tried")
    share: float = Field(ge=0, lt=1, description="share of the customers it answers; 0: it decides in the shadow only")
    current: bool = Field(description="whether the worker that answers has loaded it")
    fault: str | None = Field(description="why it is not loaded")
    stopped: str | None = Field(description="why the service itself has stopped it from answering")


class ReleaseAnswer(BaseModel):
    """What a portfolio is served with by the worker that answers."""

    portfolio: str
    release: str | None = Field(description="the release that answers; null: none could be loaded")
    wanted: str | None = Field(description="the release that the pointer names")
    current: bool = Field(description="whether the two are the same; the last good one answers when they are not")
    fault: str | None = Field(description="why the wanted release, or the registry's champion, is not served")
    challenger: ChallengerAnswer | None = Field(None, description="null: none is tried")
    challenger_fault: str | None = Field(None, description="why the registry's challenger cannot be tried")


class ReleasesAnswer(BaseModel):
    """The release of every portfolio that is open to you."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "releases": [
                        {
                            "portfolio": "taiwan_cards",
                            "release": "9f2c" * 16,
                            "wanted": "9f2c" * 16,
                            "current": True,
                            "fault": None,
                            "challenger": {
                                "release": "0c1d" * 16,
                                "share": 0.05,
                                "current": True,
                                "fault": None,
                                "stopped": None,
                            },
                            "challenger_fault": None,
                        }
                    ],
                }
            ]
        }
    )

    releases: list[ReleaseAnswer]


class LiveAnswer(BaseModel):
    """The worker runs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


class ReadyAnswer(BaseModel):
    """The worker can decide; `degraded` names portfolios that are served with an older release than wanted."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "ready", "degraded": [], "challengers_at_fault": []}]}
    )

    status: Literal["ready", "degraded"]
    degraded: list[str] = Field(default=[])
    challengers_at_fault: list[str] = Field(
        default=[], description="portfolios whose challenger cannot be tried; their champions answer as ever"
    )
