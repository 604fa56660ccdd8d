"""A process that materializes and is killed with -9 in the middle of it."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# Writes to every store it is given, each in a thread, up to the middle of the fourth slice; then it kills itself.
KILLED = """
import os, signal, sys, threading
from datetime import date
from pathlib import Path
from features.lake import Lake
from features.portfolio import open_portfolio
from features.store import materialization
from features.store.store import open_store

root, urls = Path(sys.argv[1]), sys.argv[2:]
write, mine = materialization.write_rows, threading.local()
half_way = threading.Barrier(len(urls) + 1)

def write_half_of_the_fourth_slice(store, config, view, rows, retired):
    mine.slices = getattr(mine, "slices", 0) + 1
    if mine.slices == 4:
        write(store, config, view, rows.head(rows.height // 2), retired)
        half_way.wait()
        threading.Event().wait()
    return write(store, config, view, rows, retired)

def materialize(number, url):
    registry = f"sqlite:///{root}/registry{number}.db"
    store = open_store(open_portfolio(root, "shop"), Lake(root / "lake"), registry=registry, online=url)
    store.register()
    store.materialize(date(2024, 7, 31))

materialization.write_rows = write_half_of_the_fourth_slice
for number, url in enumerate(urls):
    threading.Thread(target=materialize, args=(number, url)).start()
half_way.wait(200)
os.kill(os.getpid(), signal.SIGKILL)
"""


def kill_half_way(root: Path, urls: Sequence[str]) -> None:
    """Materialize `shop` under `root` as of 2024-07-31 to each online store; kill -9 in the fourth slice."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(root), *urls], check=False)
    assert killed.returncode == -signal.SIGKILL
