"""Flow `ingest`: raw files → checked canonical tables in the lake, bad rows in quarantine."""

from dataclasses import asdict
from datetime import date

from prefect import flow

from flows.business_date import business_date, run_name
from flows.steps import KEPT, Summary, as_task
from flows.workspace import open_workspace


def ingest(portfolio: str, as_of: date) -> Summary:
    """Bring in what became known up to `as_of`; rows in = rows kept + rows quarantined."""
    from features.ingest import ingest as ingest_tables

    workspace = open_workspace(portfolio)
    report = ingest_tables(workspace.portfolio, workspace.lake, as_of)
    kept = sum(table.rows_kept for table in report.tables)
    bad = sum(table.rows_quarantined for table in report.tables)
    rows = f"{kept + bad:,} rows in = {kept:,} kept + {bad:,} quarantined"
    month = ", ".join(f"{table.table} {table.rows_of_month:,}" for table in report.tables)
    reused = " (all there already)" if report.reused else ""
    return {
        "summary": f"{rows}{reused}; of {as_of:%Y-%m}: {month}",
        "reused": report.reused,
        "tables": [asdict(table) for table in report.tables],
    }


@flow(name="ingest", flow_run_name=run_name, **KEPT)
async def ingest_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Bring in what became known up to `as_of`, a business date (UTC)."""
    return as_task(ingest, portfolio, business_date(as_of))
