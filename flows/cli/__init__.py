"""The command line: `lendloop`."""

from flows.cli.main import main

__all__ = ["main"]
