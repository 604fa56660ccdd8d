"""Is the simulated world like a real lender's? Pictures beside public data: `python -m benchmarks.realism [WORLD]`."""
