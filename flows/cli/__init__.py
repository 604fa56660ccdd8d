"""The command line: `lendloop`."""
