"""What every test may ask for: real servers, started once a session when a test first needs one."""

import os

# First: what comes after is imported the quicker for it.
from tests.collection import pytest_collection_finish, pytest_unconfigure  # isort: split

from tests.prefect import prefect_url
from tests.servers import postgres_database, postgres_server, postgres_url, redis_server, redis_url

# What commands print is compared: as wide everywhere, whatever terminal or worker the tests run in.
os.environ["COLUMNS"] = "120"

__all__ = [
    "postgres_database",
    "postgres_server",
    "postgres_url",
    "prefect_url",
    "pytest_collection_finish",
    "pytest_unconfigure",
    "redis_server",
    "redis_url",
]
