"""`retrain-all` of made-up models in a process of its own, as a command runs it: their digests as JSON.

Each training waits until all have begun: one after the other none would end.
"""

import asyncio
import hashlib
import json
import sys
import threading
from datetime import date

from flows.steps import Summary
from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.train import train

MODELS = [("cards", "risk"), ("cards", "propensity"), ("loans", "risk")]


def trained(portfolio: str, model: str) -> str:
    """The digest of a model of its own rows."""
    rows = frame(60, seed=MODELS.index((portfolio, model)))
    return hashlib.sha256(train(model, spec(), rows, COLUMNS, (), AS_OF).cbm).hexdigest()


def main() -> None:
    """Train them, in as many threads as there are models."""
    from prefect.task_runners import ThreadPoolTaskRunner

    from flows import retrain_all

    all_begun = threading.Barrier(len(MODELS), timeout=60)

    def retrain_model(portfolio: str, model: str, _as_of: date) -> Summary:
        all_begun.wait()
        return {"summary": trained(portfolio, model)}

    retrain_all.open_workspace = str  # type: ignore[assignment]
    retrain_all.retrain_model = retrain_model  # type: ignore[assignment]
    runner = ThreadPoolTaskRunner(max_workers=len(MODELS))
    done = asyncio.run(retrain_all.retrain_all_flow.with_options(task_runner=runner)(MODELS, AS_OF))
    json.dump({name: summary["summary"] for name, summary in done.items()}, sys.stdout)


if __name__ == "__main__":
    main()
