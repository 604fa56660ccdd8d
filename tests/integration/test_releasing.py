"""Moving the champion by hand, and what the doctor says of it: on MLflow's store and a real feature store."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows import releasing
from flows.locking import exclusive
from flows.standing import standing
from flows.workspace import Workspace
from infra.settings import Settings
from serving.freshness import StaleFeatures
from serving.gates import GateResult, Promotion
from serving.pointers import write_pointer
from tests.features.store.made_up import portfolio as made_up
from tests.serving.materialized import materialize
from tests.serving.small_releases import build_small

pytestmark = pytest.mark.integration

CLOSE = datetime(2026, 2, 1, tzinfo=UTC)
NAME = "small_cards"
BLOCK = GateResult(
    name="calibrated", subject="risk", passed=False, level="block", found="0.2", expected="0.1", why="made up"
)


class House:
    """A home with the portfolio `small_cards`, its registry and its features."""

    def __init__(self, root: Path) -> None:
        folder = root / "portfolios" / NAME
        folder.mkdir(parents=True)
        (folder / "features.yaml").touch()
        self.settings = Settings(home=root / "home", portfolios=folder.parent, replay=True, _env_file=None)
        self.settings.root().mkdir()
        made = made_up(root / "other")
        self.workspace = Workspace(self.settings, type(made)(NAME, folder, made.features))

    def release(self, slope: float, view: str = "behaviour", *results: GateResult) -> str:
        releases = self.settings.releases
        sha = build_small(releases, slope=slope, view=view)
        gates = Promotion(allowed=not results, results=results).model_dump(mode="json")
        as_of = date(2026, 1, 31)
        self.workspace.registry.log_release(NAME, releases / sha, sha, as_of=as_of, gates=gates, runs={})
        return sha

    def materialize(self, view: str, until: datetime | None) -> None:
        registry, online = self.settings.feature_registry_url, self.settings.online_store_url
        materialize(view, until, registry=registry, online=online)

    def damage(self, sha: str) -> None:
        """Cut the release's manifest short, on local disk and in the registry."""
        whole = (self.settings.releases / sha / "manifest.json").read_bytes()
        for path in self.settings.root().rglob("manifest.json"):
            if path.read_bytes() == whole:
                path.write_bytes(whole[:50])

    def champion(self) -> str | None:
        return self.workspace.registry.champion_sha(NAME)

    def told(self) -> dict[str, tuple[str, str]]:
        return {one.what: (one.status, one.found) for one in standing(self.settings)}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path)
    monkeypatch.setattr(releasing, "open_workspace", lambda _name: made.workspace)
    return made


def test_the_champion_moves_by_hand_and_the_doctor_tells(house: House) -> None:
    assert house.told() == {"locks": ("ok", "no run holds a portfolio")}
    house.materialize("behaviour", CLOSE)
    house.materialize("spending", None)
    first, kept, stale = house.release(1.0), house.release(1.1, "behaviour", BLOCK), house.release(1.2, "spending")
    assert "no champion yet" in house.told()[f"release of {NAME}"][1]
    releasing.promote_release(NAME, first[:12], "ana", force=False)

    with pytest.raises(releasing.KeptBack, match=r"calibrated: found 0.2, expected 0.1; --force"):
        releasing.promote_release(NAME, kept, "ana", force=False)
    with pytest.raises(StaleFeatures, match="spending was never materialized"):
        releasing.promote_release(NAME, stale, "ana", force=False)
    assert house.champion() == first

    # An emergency waits for no run: a month holds the portfolio all the while.
    with exclusive(house.settings, NAME):
        assert NAME in house.told()["locks"][1]
        releasing.promote_release(NAME, kept, "ana", force=True)
        assert house.champion() == kept
        releasing.roll_back(NAME, "ben")
    assert house.champion() == first
    assert [step.by for step in house.workspace.registry.history(NAME)] == ["ana", "ana (against calibrated)", "ben"]

    write_pointer(house.settings.releases, NAME, stale)
    told = house.told()
    assert told[f"release of {NAME}"][0] == "warn"
    assert told[f"features of {NAME}"] == ("warn", "view spending was never materialized")
    write_pointer(house.settings.releases, NAME, first)
    assert {status for status, _ in house.told().values()} == {"ok"}

    # A champion that nobody can read any more does not hold up the way back.
    releasing.promote_release(NAME, kept, "ana", force=True)
    house.damage(kept)
    releasing.roll_back(NAME, "ben")
    assert house.champion() == first
