"""The master keys of the log: they wrap the data keys, and nothing else is ever encrypted with them."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from infra.files import keep, name_first, private_draft
from serving.log.database import LogUnavailable

KEY_BYTES = 32


class LogKeyMissing(LogUnavailable):
    """The log needs a master key that this process was not given, or was given one that is none."""


def master_name(key: bytes) -> str:
    """The public name of a master key: made of the key, so that a name can never stand for two keys."""
    return sha256(b"lendloop log master\x00" + key).hexdigest()[:16]


class KeyRing:
    """Master keys, the one for new data first; with a file, keys that others added to it are found later."""

    def __init__(self, keys: Sequence[bytes], file: Path | None = None) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise LogKeyMissing(
                f"log key: found {len(keys)} keys of {sorted({len(key) for key in keys})} bytes; expected at least one,"
                f" each of {KEY_BYTES} bytes (64 hexadecimal digits, such as `openssl rand -hex 32` prints)"
            )
        self.file = file
        self._keys = {master_name(key): key for key in keys}

    @property
    def current(self) -> str:
        """Name of the key that wraps what is new."""
        return next(iter(self._keys))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all keys, the current one first."""
        return tuple(self._keys)

    def key(self, name: str) -> bytes:
        """The master key `name`, or `LogKeyMissing`."""
        if name not in self._keys and self.file is not None and self.file.exists():
            self._keys = {master_name(key): key for key in read_keys(self.file)}
        try:
            return self._keys[name]
        except KeyError:
            raise LogKeyMissing(
                f"the log's data keys are wrapped by master key {name}; found the keys {', '.join(self._keys)}; "
                "expected that one among them: put it into LENDLOOP_LOG_KEY or the key file again"
            ) from None


def open_keys(given: str, file: Path) -> KeyRing:
    """The ring of `given` (hexadecimal keys, comma between, current first), or else of `file`, made on first use."""
    if given:
        return KeyRing(_parse(given.split(","), "LENDLOOP_LOG_KEY"))
    if not file.exists():
        _make(file)
    return KeyRing(read_keys(file), file)


def read_keys(file: Path) -> list[bytes]:
    """The keys of a key file, one hexadecimal key a line, the current one first."""
    try:
        return _parse(file.read_text().split(), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise LogKeyMissing(f"{file}: {error}; expected a file of keys that this user may read") from error


def write_keys(file: Path, keys: Sequence[bytes]) -> None:
    """Replace the key file, readable by its owner only; a kill leaves the old or the new one."""
    keep(private_draft(file, _written(keys)), file)


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Where another process was first, its key is the key.
    name_first(private_draft(file, _written([os.urandom(KEY_BYTES)])), file)


def _written(keys: Sequence[bytes]) -> str:
    return "".join(f"{key.hex()}\n" for key in keys)


def _parse(texts: Sequence[str], where: str) -> list[bytes]:
    try:
        return [bytes.fromhex(text) for text in texts if text.strip()]
    except ValueError:
        # The text itself may be a key with a typing error: it is not shown.
        raise LogKeyMissing(f"{where}: found a key that is not hexadecimal; expected 64 digits from 0 to f") from None
