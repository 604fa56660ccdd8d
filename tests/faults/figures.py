"""What long runs found, kept in build/ for people."""

import json
from pathlib import Path
from typing import Any

BUILD = Path(__file__).resolve().parents[2] / "build"


def keep(name: str, **figures: Any) -> Path:
    """Write figures to `build/<name>.json`."""
    BUILD.mkdir(exist_ok=True)
    path = BUILD / f"{name}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return path
