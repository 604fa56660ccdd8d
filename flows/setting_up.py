"""What `make setup` makes once for all homes: empty databases. Prefect takes 8 CPU seconds to migrate one, MLflow 3."""

import sys
from concurrent.futures import ThreadPoolExecutor
from subprocess import CalledProcessError

from flows.prefect_database import migrate
from infra.kept import kept, make_aside
from training.registry.opening import create


def main() -> None:
    """Make what is not there yet."""
    missing = {name: make for name, make in {"prefect": migrate, "mlflow": create}.items() if not kept(name).exists()}
    with ThreadPoolExecutor(len(missing) or 1) as both:
        try:
            list(both.map(lambda name: make_aside(kept(name), missing[name]), missing))
        except (OSError, CalledProcessError) as error:
            sys.stderr.write(f"no empty databases are kept, each home will migrate its own: {error}\n")


if __name__ == "__main__":
    main()
