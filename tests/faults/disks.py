"""A filesystem of its own that is full, as a test needs it: a tmpfs, which root may mount."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOMY = 512 * 2**20


@dataclass(frozen=True)
class Disk:
    """A folder that is a filesystem, where mounting is allowed; else it is a plain folder that cannot be filled."""

    folder: Path
    mounted: bool

    @contextmanager
    def full(self) -> Iterator[None]:
        """It holds what it holds now, and not a page more."""
        assert self.mounted
        found = os.statvfs(self.folder)
        self._resize((found.f_blocks - found.f_bfree) * found.f_frsize)
        try:
            yield
        finally:
            self._resize(ROOMY)

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)


@contextmanager
def small_disk() -> Iterator[Disk]:
    """A disk, unmounted in the end; a process that still writes to it keeps it until it ends.

    Not below pytest's folders: servers that run as another user cannot be sure of those.
    """
    with tempfile.TemporaryDirectory(prefix="lendloop-disk-") as folder:
        os.chmod(folder, 0o755)
        command = ["mount", "-t", "tmpfs", "-o", f"size={ROOMY},mode=0755", "lendloop-test", folder]
        mounted = os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
        try:
            yield Disk(Path(folder), mounted)
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", folder], check=True)
