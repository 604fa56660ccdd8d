"""Flow `month`: all the parts, in order, for one month."""

from datetime import date

from prefect import flow

from flows.business_date import business_date, run_name
from flows.deploy import deploy
from flows.ingest import ingest
from flows.locking import exclusive
from flows.materialize import materialize
from flows.monitor import monitor
from flows.release import release
from flows.retrain import retrain
from flows.steps import KEPT, Call, Summary, as_task, directly, patience
from flows.workspace import open_workspace
from infra.settings import Settings

PARTS = (ingest, materialize, retrain, release, deploy, monitor)


def month(portfolio: str, as_of: date, call: Call = directly) -> Summary:
    """Close the month of `as_of`; each part is idempotent, so a month that was killed is simply run again."""
    open_workspace(portfolio).read_all()
    done = {part.__name__: call(part, portfolio, as_of) for part in PARTS}
    return {"summary": f"{len(done)} parts", **done}


@flow(name="month", flow_run_name=run_name, **KEPT)
async def month_flow(portfolio: str, as_of: date | None = None) -> Summary:
    """Close the month that ends on `as_of`, a business date (UTC)."""
    with exclusive(Settings(), portfolio, wait=patience()):
        return month(portfolio, business_date(as_of), as_task)
