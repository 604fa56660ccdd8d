import shutil
from pathlib import Path

import pytest

from serving.bento import BENTOFILE, PACKAGES, build_bento, code_digest
from tests.serving.deployed import PROJECT

pytestmark = pytest.mark.integration


def test_it_holds_the_code_alone_though_home_is_inside_the_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for name in PACKAGES:
        shutil.copytree(PROJECT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (BENTOFILE, "requirements.lock"):
        shutil.copy(PROJECT / name, checkout / name)
    # What an earlier run leaves in a checkout: `bentoml build` would copy its folders, and itself, again and again.
    earlier = checkout / ".lendloop" / "bentos" / "0123456789abcdef" / "src" / "serving"
    earlier.mkdir(parents=True)
    (earlier / "service.py").write_text("")
    bento = build_bento(checkout, checkout / ".lendloop" / "bentos")
    assert bento.name == code_digest(checkout)
    assert {path.name for path in (bento / "src").iterdir()} == {*PACKAGES, BENTOFILE, "requirements.lock"}
    assert (bento / "src" / "serving" / "service.py").read_bytes() == (PROJECT / "serving/service.py").read_bytes()
    assert build_bento(checkout, checkout / ".lendloop" / "bentos") == bento
    assert [path.name for path in bento.parent.iterdir() if path.name.startswith(".")] == []
