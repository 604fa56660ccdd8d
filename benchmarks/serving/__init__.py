"""Requests a second of the decision service beside the tutorial stack and the floor, on this machine, in one run."""
