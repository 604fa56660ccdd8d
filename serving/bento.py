"""The Bento: the decision service's code in one folder, named by its digest, that runs without a checkout."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from infra.processes import last_words
from serving.launch import ServiceError, quiet

BENTOFILE = "bentofile.yaml"
# What the service imports, by layer; the flows, monitoring and the portfolios' own code stay out of it.
PACKAGES = ("infra", "features", "training", "serving")


def code_digest(project_root: Path) -> str:
    """Digest (16 hexadecimal digits) of every file that goes into the Bento."""
    whole = hashlib.sha256()
    for path in _parts(project_root):
        whole.update(path.relative_to(project_root).as_posix().encode() + b"\0")
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()[:16]


def _parts(project_root: Path) -> list[Path]:
    sources = [path for name in PACKAGES for path in sorted((project_root / name).rglob("*.py"))]
    return [project_root / BENTOFILE, project_root / "requirements.lock", *sources]


def build_bento(project_root: Path, out: Path) -> Path:
    """The Bento of the code in `project_root`, as folder `<out>/<digest>`; built with `bentoml build` unless there."""
    if not (project_root / BENTOFILE).is_file():
        raise ServiceError(f"{project_root}: no {BENTOFILE}; expected a checkout of Lendloop to build a Bento from")
    digest = code_digest(project_root)
    bento = out.resolve() / digest
    if not (bento / "bento.yaml").is_file():
        bento.parent.mkdir(parents=True, exist_ok=True)
        _build(project_root.resolve(), digest, bento)
    return bento


def _build(project_root: Path, digest: str, bento: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lendloop-") as code,
        tempfile.TemporaryDirectory(prefix=".building-", dir=bento.parent) as store,
    ):
        _stage(project_root, Path(code))
        command = [sys.executable, "-m", "bentoml", "build", ".", "--bentofile", BENTOFILE, "--version", digest]
        environment = {**os.environ, **quiet(), "BENTOML_HOME": store}
        run = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
        built = next(Path(store).glob(f"bentos/*/{digest}"), None)
        if run.returncode or built is None:
            raise ServiceError(f"`bentoml build` failed with code {run.returncode}: {last_words(run.stderr)}")
        try:
            built.rename(bento)
        except OSError:
            # A build that was broken off, or another one that was quicker, left the folder there.
            if not (bento / "bento.yaml").is_file():
                shutil.rmtree(bento)
                built.rename(bento)


def _stage(project_root: Path, code: Path) -> None:
    """Copy what goes into the Bento to a folder of its own, below no hidden one: `bentoml build` reads nothing there.

    It walks all of its folder, the environment and earlier Bentos too, and copies the folders it meets: in a checkout
    that holds `.lendloop` it would copy what it is making into itself.
    """
    for path in _parts(project_root):
        copy = code / path.relative_to(project_root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
