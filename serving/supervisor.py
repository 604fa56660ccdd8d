"""One supervisor per home: holds the port, runs workers, follower and shadow, and passes its place on.

It imports what they need once and forks them, so that a worker that is killed is back in a moment. It opens nothing
itself and starts no thread: what is forked from it begins clean.
"""

import gc
import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from types import FrameType

from infra.processes import start_time
from serving.follower import keep_following
from serving.handover import Offer
from serving.launch import Launch, Note, ServiceError, note_path, read_note
from serving.logs import log_to_stderr
from serving.post import Post, take_post
from serving.server import DRAIN_SECONDS, answer_requests
from serving.starting import FOLLOWER, READY_SECONDS, SHADOW, TICK_SECONDS, WORKER, Beginning, Looks
from serving.telemetry.counters import counters_folder
from serving.trial.shadowing import keep_shadowing
from serving.workers import Crew

TAKE_OVER = "--take-over"
_log = logging.getLogger("lendloop.supervisor")


def serve(launch: Launch, *, take_over: bool = False, stop: Event | None = None, starter: int | None = None) -> None:
    """Run the service until SIGTERM or SIGINT, or until `stop` is set; call it from the main thread of a process of its
    own, that has started no threads.

    With `take_over`, it takes the place of the service that runs on this home, if any, once its own workers are ready.
    `starter` is a pipe to whoever waits for it: one who is gone before it is ready will never know of it, so it ends.
    Raises `ServiceError` when it cannot start: the port is taken, another runs on this home, nothing to serve.
    """
    stop = stop or Event()
    with _signals(stop):
        post = take_post(launch, take_over=take_over)
        try:
            with _own_temporary():
                _serve(launch, post, stop, starter)
        finally:
            if not post.handed_over:
                _forget(launch)


@contextmanager
def _own_temporary() -> Iterator[None]:
    """Have what this service's processes keep for a while go with it: BentoML makes a folder in each worker."""
    with tempfile.TemporaryDirectory(prefix="lendloop-service-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = None


def _serve(launch: Launch, post: Post, stop: Event, starter: int | None) -> None:
    _import()
    crew, looks = Crew(post.leave), Looks()
    begin = Beginning(launch, crew, stop, starter, time.monotonic() + READY_SECONDS)
    try:
        crew.add(FOLLOWER, lambda: keep_following(launch, looks.tell))
        if begin.looked(looks) and _answers(begin, post):
            _relieve(post, crew, stop)
            post.offer = Offer(launch.folder, post.listener, post.lock)
            _take_note(launch)
            post.handed_over = _watch(post.offer, crew, stop)
    finally:
        # The workers close theirs when they are told to end: nobody is let in whom no one will answer.
        post.listener.close()
        crew.stop()
        looks.close()  # not before: a follower that is started again tells by it once more


def _answers(begin: Beginning, post: Post) -> bool:
    """Start the workers, and the shadow beside them, and wait until they are ready."""
    for _ in range(begin.launch.workers):
        begin.crew.add(WORKER, lambda: answer_requests(post.listener))
    begin.crew.add(SHADOW, lambda: keep_shadowing(begin.launch))
    return begin.ready()


def _import() -> None:
    """Import, once for all that are forked from here, what answering and following need."""
    import catboost

    import features.store.coverage
    import features.store.online
    import serving.freshness
    import serving.service

    _ = catboost, features.store.coverage, features.store.online, serving.freshness, serving.service
    # What is here by now stays in the pages that all share.
    gc.collect()
    gc.freeze()


def _relieve(post: Post, crew: Crew, stop: Event) -> None:
    """Send the supervisor before this one away, and wait until its workers have answered what they had."""
    if post.taken is None:
        return
    post.taken.ready()
    until = time.monotonic() + DRAIN_SECONDS + 10
    while not post.taken.gone() and time.monotonic() < until and not stop.wait(TICK_SECONDS / 2):
        crew.tend()
    post.taken.before.close()


def _watch(offer: Offer, crew: Crew, stop: Event) -> bool:
    """Tend the crew until told to stop, or until (True) the next supervisor is ready in this one's place."""
    while not stop.is_set():
        crew.tend()
        if offer.accepted(TICK_SECONDS):
            _log.info("handed over to the next supervisor")
            offer.withdraw()
            return True
    return False


def _take_note(launch: Launch) -> None:
    pid = os.getpid()
    note = Note(
        pid=pid,
        started=start_time(pid) or 0,
        url=launch.url,
        bento=launch.bento,
        workers=launch.workers,
        settings=launch.digest(),
    )
    path = note_path(launch.folder)
    new = path.with_suffix(".new")
    new.write_text(note.model_dump_json(indent=1) + "\n", encoding="utf-8")
    new.chmod(0o600)
    new.replace(path)
    _log.info("service is ready", extra={"url": launch.url, "pid": pid})


def _forget(launch: Launch) -> None:
    note = read_note(launch.folder)
    if note and note.pid == os.getpid():
        note_path(launch.folder).unlink(missing_ok=True)
        shutil.rmtree(counters_folder(launch.home), ignore_errors=True)  # it began at nought; so will the next


@contextmanager
def _signals(stop: Event) -> Iterator[None]:
    def on_signal(_sign: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {sign: signal.signal(sign, on_signal) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def main() -> int:
    """`python -m serving.supervisor FD [--take-over]`, with a `Launch` as JSON on standard input.

    What it fails by is written to the file descriptor.
    """
    log_to_stderr()
    try:
        launch = Launch.model_validate_json(sys.stdin.read())
        serve(launch, take_over=TAKE_OVER in sys.argv, starter=int(sys.argv[1]))
    except ServiceError as error:
        _log.error("service cannot run", extra={"fault": str(error)})
        with suppress(BrokenPipeError):
            os.write(int(sys.argv[1]), str(error).encode())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
