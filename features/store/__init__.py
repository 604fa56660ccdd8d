"""The one place of Feast: registry, offline and online store.

Feast marks its classes with `typeguard.typechecked`, which compiles their source anew at every import: 3.4 of the
8.2 CPU seconds that importing it costs each process, measured. What we hand to Feast is checked by mypy, so the mark
is left out while Feast is imported.
"""

from collections.abc import Callable
from typing import Any

import typeguard


def _unchecked(target: Any = None, **_: Any) -> Any:
    if target is not None:
        return target
    mark: Callable[[Any], Any] = lambda marked: marked  # noqa: E731
    return mark


_checked = typeguard.typechecked
typeguard.typechecked = _unchecked
try:
    import feast  # noqa: F401
finally:
    typeguard.typechecked = _checked
