"""What every test may ask for: real servers, started once a session when a test first needs one."""

from tests.prefect import prefect_url
from tests.servers import postgres_database, postgres_server, postgres_url, redis_server, redis_url

__all__ = ["postgres_database", "postgres_server", "postgres_url", "prefect_url", "redis_server", "redis_url"]
