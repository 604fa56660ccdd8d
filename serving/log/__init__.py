"""The decision log: every decision in one hash chain, committed before it is answered.

`decision_log.open_log(url)` opens it, `batcher.Batcher` appends from asyncio, `frames` reads it as tables.
"""
