"""What a page was made of, told in the page: one that stands and was made of the same is not drawn again.

Evidently takes 7 s of CPU to import alone; a month that is run again has the facts it had.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from monitoring.reports.section import Section

HEAD = b'<meta charset="UTF-8">'
_MARK = re.compile(HEAD + rb'<meta name="lendloop-made-of" content="([0-9a-f]{64}) ([0-9a-f]{64})">')


def origin(sections: Sequence[Section], title: str) -> str:
    """Digest of all that a page follows from: its sections and title, Evidently and our code that hands them to it."""
    shown = json.dumps([title, *([s.title, s.number, s.widget()] for s in sections)])
    code = Path(__file__).with_name("document.py").read_text(encoding="utf-8")
    return hashlib.sha256("\0".join((version("evidently"), code, shown)).encode()).hexdigest()


def marked(page: str, made_of: str) -> str:
    """The page, with its origin and its own digest in its head."""
    whole = page.encode()
    mark = f'<meta name="lendloop-made-of" content="{made_of} {hashlib.sha256(whole).hexdigest()}">'
    return whole.replace(HEAD, HEAD + mark.encode(), 1).decode()


def stands(file: Path, made_of: str) -> bool:
    """Whether the file is the page of this origin, to the last byte."""
    try:
        page = file.read_bytes()
    except FileNotFoundError:
        return False
    found = _MARK.search(page)
    if found is None or found[1].decode() != made_of:
        return False
    return hashlib.sha256(page[: found.start()] + HEAD + page[found.end() :]).hexdigest() == found[2].decode()
