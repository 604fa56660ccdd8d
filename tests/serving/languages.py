"""Whether a text for customers is there in English and in Chinese."""

import re
from typing import Protocol

CHINESE, LATIN = re.compile("[\u4e00-\u9fff]"), re.compile("[A-Za-z]")


class Told(Protocol):
    """Whatever is told to a customer."""

    en: str
    zh: str


def speaks_both(told: Told) -> bool:
    """Whether the one text is English words, and the other has Chinese ones."""
    return bool(LATIN.search(told.en)) and bool(CHINESE.search(told.zh))
