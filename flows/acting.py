"""What a person did at the command line to a portfolio, put into the decision log's chain."""

import os
from collections.abc import Mapping
from datetime import datetime

from flows.workspace import Workspace
from serving.log.act import RANDOM_BYTES, act_record
from serving.log.canonical import Json


def note_act(workspace: Workspace, act: str, by: str, at: datetime, more: Mapping[str, Json]) -> None:
    """Log what was done, by whom and when; `more` says to what and why, and names no customer."""
    inputs: dict[str, Json] = {"act": act, "by": by, **more}
    record = act_record("staff", act, inputs, portfolio=workspace.name, at=at, randomness=os.urandom(RANDOM_BYTES))
    workspace.log.append(record)
