"""The master keys that tests use."""

from serving.log.keys import KeyRing

MASTER = bytes(range(32))
KEYS = KeyRing([MASTER])
