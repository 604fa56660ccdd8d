"""Which folder a world may go on in."""

import json
from pathlib import Path

import pytest

from simulation.description import LAYOUT, WorldError
from tests.simulation.small import described


def test_the_same_world_goes_on_in_its_folder(tmp_path: Path) -> None:
    described().settle(tmp_path)
    described().settle(tmp_path)
    assert json.loads((tmp_path / "world.json").read_text())["layout"] == LAYOUT


def test_a_world_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    described().settle(tmp_path)
    file = tmp_path / "world.json"
    written = json.loads(file.read_text())
    del written["layout"]
    file.write_text(json.dumps(written))
    with pytest.raises(WorldError, match=r"another world \(layout differ\): take another folder"):
        described().settle(tmp_path)


@pytest.mark.parametrize(
    ("text", "where"), [("[]", "not a JSON object"), ("{", "not a JSON object"), ("{}", "scenario")]
)
def test_a_file_that_describes_no_world_is_told(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(WorldError, match=f"describes no world \\({where}"):
        described().settle(tmp_path)
