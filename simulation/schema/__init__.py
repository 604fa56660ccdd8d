"""Every table the world writes: raw ones as a lender's systems would land them, and the truth, kept apart."""

from simulation.schema import behaviour, customers, environment, lending, money, truth
from simulation.schema.table import Column, Levels, Table

RAW: dict[str, Table] = {
    table.name: table for module in (customers, lending, money, behaviour, environment) for table in module.TABLES
}
"""Tables under `raw/`."""
TRUTH: dict[str, Table] = {table.name: table for table in truth.TABLES}
"""Tables under `truth/`; their names differ from all raw ones."""
EXEMPT = frozenset({"merchants", "partners", "economy", "regulations"})
"""Reference tables: handed over as files, whole, so that their records have no faults."""
TABLES: dict[str, Table] = {**RAW, **TRUTH}

__all__ = ["EXEMPT", "RAW", "TABLES", "TRUTH", "Column", "Levels", "Table"]
