"""A process in which one `lendloop` command after another is typed: most of a small command is imports, made once here.

Each command's words, output and exit code are its own; memory is not, so what is about a process that starts, ends or
is killed starts one.
"""

import json
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

_PROGRAM = """
import json, os, sys, tempfile
from flows.cli.main import main

answers = os.fdopen(os.dup(1), "w")  # apart from what commands print

def ended(words):
    sys.argv = ["lendloop", *words]
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1), os.dup(2)
        os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            for old, new in zip(kept, (1, 2)):
                os.dup2(old, new), os.close(old)
        file.seek(0)
        return code, file.read().decode()

for line in sys.stdin:
    print(json.dumps(ended(json.loads(line))), file=answers, flush=True)
"""


class Session:
    """Commands in one process; `close` ends it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            cwd=folder,
            env=dict(environment),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def runs(self) -> bool:
        """Whether it can be typed into."""
        return self._process.poll() is None

    def type(self, *words: str, timeout: float = 580) -> tuple[int, str]:
        """Exit code and output of `lendloop` with these words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(words), file=self._process.stdin, flush=True)
        told, _, _ = select.select([self._process.stdout], [], [], timeout)
        if not told:
            self._process.kill()  # or the next command would be given this one's answer
        assert told, f"lendloop {' '.join(words)} took more than {timeout:g} s"
        answer = self._process.stdout.readline()
        assert answer, f"lendloop {' '.join(words)} ended its process with {self._process.wait()}"
        code, printed = json.loads(answer)
        return code, printed

    def close(self) -> None:
        """Let it end; one that does not is killed."""
        try:
            self._process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
