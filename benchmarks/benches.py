"""The benchmarks of speed and scale, in the order of README's table: a new one is a line here.

Each writes `results/<name>.json` by `benchmarks.turns.keep`, with the lines that README shows of it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    """A module to run, the results that it writes, and its arguments; None: not part of that run."""

    module: str
    results: tuple[str, ...]
    quick: tuple[str, ...] | None = ()
    scale: tuple[str, ...] | None = None


BENCHES = (
    Bench("benchmarks.serving", ("serving",), quick=("--seconds", "5", "--rounds", "3")),
    Bench("benchmarks.online_reads", ("online_reads",)),
    Bench("benchmarks.shap", ("shap",)),
    Bench("benchmarks.materialize", ("materialize",), quick=("100000", "3")),
    Bench(
        "benchmarks.training_sets",
        ("training_sets", "training_sets_large"),
        quick=("--rounds", "3"),
        scale=("--rows", "10_000_000", "--rounds", "3"),
    ),
    Bench("benchmarks.batch_decisions", ("batch_decisions",), scale=("1000000", "3")),
    # A part of the same results.
    Bench("benchmarks.batch_decisions", (), quick=None, scale=("--book", "10_000_000")),
    Bench(
        "benchmarks.features_scale",
        ("features_scale",),
        quick=("100000", "300000"),
        scale=("100000", "300000", "1000000", "10000000"),
    ),
    Bench("benchmarks.retrain_overhead", ("retrain_overhead",), ("100000",), ("1000000", "--trees", "0", "500")),
    Bench("benchmarks.scale_tables", ("scale_tables",)),
)
