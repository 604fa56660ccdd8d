"""Models of several portfolios that are trained at the same time are those of one after the other."""

import json
import os
import subprocess
import sys

import pytest

from tests.integration.trained_together import MODELS, trained

pytestmark = pytest.mark.integration


def test_models_of_several_portfolios_are_trained_at_the_same_time(prefect_url: str) -> None:
    command = [sys.executable, "-m", "tests.integration.trained_together"]
    api = {"PREFECT_API_URL": prefect_url}
    done = subprocess.run(command, env={**os.environ, **api}, check=True, capture_output=True, text=True)
    wanted = {f"{portfolio}.{model}": trained(portfolio, model) for portfolio, model in MODELS}
    assert json.loads(done.stdout) == wanted
    assert len(set(wanted.values())) == len(MODELS)
