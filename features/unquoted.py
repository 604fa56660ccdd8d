"""What Polars says of rows it cannot read, without the values: they may be personal, and messages end up in logs."""

import re

_PARSED = re.compile(r"could not parse `.*` as dtype", re.DOTALL)
_LISTED = re.compile(r"( values?): \[.*", re.DOTALL)


def unquoted(error: Exception) -> str:
    """The first paragraph of the message of `error`: file, column, type and count stay, values go."""
    text = _PARSED.sub("could not parse a value as dtype", str(error))
    return " ".join(_LISTED.sub(r"\1", text).partition("\n\n")[0].split())
