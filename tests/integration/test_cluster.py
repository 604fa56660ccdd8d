"""On a local Ray cluster: what workers make is what this process makes, and a worker that dies loses nothing."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import psutil
import pytest

from features.build import build_features
from features.lake import Lake
from features.update import Update
from flows.booking import Part, decide_whole_book
from flows.cluster import RayMissing, by_ray, connect, workers_of
from flows.retrain import retrain
from flows.workspace import Workspace
from infra.settings import Settings
from tests.features.small import SPEC, months, portfolio
from tests.features.test_customers import built, same
from tests.features.test_incremental import LAST
from tests.flows.test_release import NAME, SEPTEMBER, lender, trained_and_released

__all__ = ["lender"]

pytestmark = [
    # Ray's, in its own code: what it will rename, and processes of its own that it leaves to the garbage collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_what_to_do_without_ray() -> None:
    with pytest.raises(RayMissing, match="make setup-ray"):
        list(by_ray(Settings(profile="ray"))(str, [1, 2]))


class Dying:
    """`Update.make` in a worker that is killed at the third part it makes, once, half-way."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __call__(self, make: object, survey: object) -> object:
        part = make(survey)  # type: ignore[operator]
        if not self.mark.exists() and survey.customers.low is not None:  # type: ignore[attr-defined]
            self.mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return part


class DyingInTheBook:
    """`decide_part` in a worker that is killed at the second part, once."""

    def __init__(self, mark: Path, decide: object) -> None:
        self.mark, self.decide = mark, decide

    def __call__(self, part: Part) -> object:
        if part.number == 1 and not self.mark.exists():
            self.mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return self.decide(part)  # type: ignore[operator]


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_features_survive_a_killed_worker_and_equal_the_whole_tables(
    tmp_path: Path, ray: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.lake_files.ROW_GROUP", 3)
    rows, mark = months(13, 4), tmp_path / "killed"
    each = by_ray(ray)

    def deadly(function: object, parts: object) -> object:
        of_make = isinstance(function, partial) and function.func.__func__ is Update.make
        return each(partial(Dying(mark), function) if of_make else function, parts)  # type: ignore[arg-type]

    whole, apart = built(tmp_path, rows, SPEC, 10**6), built(tmp_path, rows, SPEC, 12, deadly)
    assert int(mark.read_text()) != os.getpid()
    assert same(whole, apart)
    loans = portfolio(tmp_path, rows)
    assert all(one.reused for one in build_features(loans, Lake(apart.root), LAST, at_once=12, each=each))


@pytest.mark.ray
@pytest.mark.timeout(600)
def test_what_goes_wrong_in_a_worker_is_told_as_here(ray: Settings) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        list(by_ray(ray)(int, ["1", "two"]))
    assert list(by_ray(ray)(int, ["3", "1", "2"])) == [3, 1, 2]
    assert list(by_ray(ray)(int, [])) == []


@pytest.mark.ray
def test_a_worker_does_not_wait_for_others(ray: Settings) -> None:
    assert workers_of(ray) is not map
    assert list(by_ray(ray)(partial(works_alone, ray), [1, 2])) == [True, True]


def kill_a_trainer(command: "subprocess.Popen[bytes]") -> None:
    """Kill the first worker that Prefect's task runner gives a training, as soon as it has begun."""
    while command.poll() is None:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "ray::train_one" in " ".join(process.cmdline()):
                    process.kill()
                    return
        time.sleep(0.1)
    raise AssertionError("no worker was seen at a training")


def works_alone(settings: Settings, _part: int) -> bool:
    return workers_of(settings) is map


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_models_and_books_are_those_of_one_process(
    ray: Settings, lender: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "ray" in sys.modules:
        sys.modules["ray"].shutdown()  # the workers of one that is running would look for the lender in another home
    connect(lender.settings)
    import ray as cluster  # after it: Ray reads who may join it when it is imported

    # As a command, which joins this cluster: Prefect reads its settings when it is imported.
    joined = {"LENDLOOP_PROFILE": "ray", "LENDLOOP_RAY_ADDRESS": cluster.get_runtime_context().gcs_address}
    command = [str(Path(sys.executable).with_name("lendloop")), "retrain-all", "-p", NAME, "--as-of", f"{SEPTEMBER}"]
    with subprocess.Popen(command, env={**os.environ, **joined}) as training:
        kill_a_trainer(training)
    assert training.returncode == 0
    # The worker's model is the one that this process would have made: it is not made again.
    assert retrain(NAME, SEPTEMBER)["models"]["risk"]["reused"]
    trained_and_released(SEPTEMBER)
    monkeypatch.setattr("flows.booking.AT_ONCE", 500)
    decide_whole_book(NAME, SEPTEMBER, tmp_path / "here")
    assert len(list((tmp_path / "here").glob("*.parquet"))) > 2
    monkeypatch.setenv("LENDLOOP_PROFILE", "ray")
    each, mark = by_ray(ray), tmp_path / "killed"
    monkeypatch.setattr(
        "flows.booking.workers_of", lambda _: lambda decide, parts: each(DyingInTheBook(mark, decide), parts)
    )
    decide_whole_book(NAME, SEPTEMBER, tmp_path / "there")
    assert int(mark.read_text()) != os.getpid()
    here, there = (pl.read_parquet(tmp_path / name / "*.parquet") for name in ("here", "there"))
    assert here.equals(there)
