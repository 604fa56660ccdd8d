"""MLflow's store after processes that moved the champion were killed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.registry.releases import A, B, C, Killed, Open, champion, killed_at, pointed, release
from training.registry import Registry

pytestmark = [pytest.mark.integration]

KILLS = [(method, when) for method in ("append", "point") for when in ("before", "after")]
_KILLED = """
import json, os, signal, sys
from pathlib import Path
from training.registry import Registry
from training.registry.store import MlflowStore

def promote(home, method, when):
    real = getattr(MlflowStore, method)
    def killed(*arguments):
        if when == "after":
            real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(MlflowStore, method, killed)
    Registry(f"sqlite:///{home}/mlflow.db", Path(home) / "artifacts").promote("cards", sys.argv[1])

# MLflow is imported once, before the processes that are killed part from this one.
import mlflow, mlflow.tracking, mlflow.store.tracking.sqlalchemy_store
for home, method, when in json.loads(sys.argv[2]):
    if (child := os.fork()) == 0:
        promote(home, method, when)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture(scope="module")
def promotions(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Path]:
    """Homes where C was to follow A and B: processes that promote it were killed with -9 at a method of the store."""
    begun = tmp_path_factory.mktemp("promotions")
    registry = Registry(f"sqlite:///{begun / 'mlflow.db'}", begun / "artifacts")
    for sha in (A, B, C):
        release(registry, "cards", sha, begun)
    registry.promote("cards", A)
    registry.promote("cards", B)
    homes = {kill: tmp_path_factory.mktemp("_".join(kill)) for kill in KILLS}
    for home in homes.values():
        shutil.copy(begun / "mlflow.db", home)
    asked = json.dumps([(str(home), *kill) for kill, home in homes.items()])
    told = subprocess.run([sys.executable, "-c", _KILLED, C, asked], check=True, capture_output=True, text=True)
    assert told.stdout.split() == ["-9"] * len(KILLS)
    return homes


@pytest.mark.parametrize(("method", "when"), KILLS)
def test_a_promotion_killed_anywhere_has_happened_or_not(
    promotions: dict[tuple[str, str], Path], method: str, when: str
) -> None:
    home = promotions[method, when]
    registry = Registry(f"sqlite:///{home / 'mlflow.db'}", home / "artifacts")
    happened = (method, when) != ("append", "before")
    # Who looks sees one of the two, and a rollback takes back what was seen.
    assert champion(registry, "cards") == ("c" if happened else "b")
    assert [each.sha for each in registry.releases("cards") if "champion" in each.aliases] == [C if happened else B]
    assert registry.rollback("cards").sha == (B if happened else A)
    assert registry.promote("cards", C).sha == C
    assert pointed(registry) == C


def test_a_rollback_killed_half_way_went_back_once(open_sqlite: Open, tmp_path: Path) -> None:
    registry = open_sqlite()
    for sha in (A, B, C):
        release(registry, "cards", sha, tmp_path)
        registry.promote("cards", sha)
    with killed_at("point"), pytest.raises(Killed):
        registry.rollback("cards")
    assert champion(registry, "cards") == "b"
    assert registry.rollback("cards").sha == A
    assert pointed(registry) == A
