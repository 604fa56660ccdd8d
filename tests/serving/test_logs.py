"""What a service's process writes is JSON, a line each, and no value that an exception or a warning quotes."""

import json
import subprocess
import sys

PROGRAM = """
import asyncio, logging, sys, warnings
import uvicorn
logging.getLogger("uvicorn.error").disabled = True  # as BentoML's own settings leave it
from serving.logs import log_to_stderr
log_to_stderr()
def fail():
    raise ValueError("entity 1 is Jane")
for name in ("uvicorn.error", "lendloop.api", "somebody.else"):
    try:
        fail()
    except ValueError:
        logging.getLogger(name).exception("Exception in ASGI application\\n")
warnings.warn("float expected:\\n  found 'Jane'", UserWarning)
async def forgotten():
    asyncio.get_running_loop().call_exception_handler({"message": "never retrieved", "future": "Jane"})
asyncio.run(forgotten())
logging.getLogger("uvicorn.error").error("Traceback (most recent call last):\\n  File x\\nRuntimeError: no key of Jane")
logging.getLogger("uvicorn.error").info("Started server process")
"""


def test_whoever_writes_to_it_every_line_is_json_and_no_value_slips_in() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "Jane" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    fault = "Exception in ASGI application"
    told = [(line["logger"], line["event"].strip(), line.get("error")) for line in lines]
    assert told[:3] == [(name, fault, "ValueError") for name in ("uvicorn.error", "lendloop.api", "somebody.else")]
    assert told[3][0] == "py.warnings"
    assert told[3][1].endswith("UserWarning: float expected")
    assert told[4:] == [("asyncio", "never retrieved", None), ("uvicorn.error", "RuntimeError", None)]
