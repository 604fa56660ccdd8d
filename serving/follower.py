"""The follower of a service: a process that looks at the registry each second, for champions and for challengers."""

import time
from collections.abc import Callable

from serving.following import follow, open_champions, release_check
from serving.launch import Launch
from serving.pointers import pointed_portfolios
from serving.trial.following import follow_challenger

FOLLOW_SECONDS = 1.0
RETRY_SECONDS = 5.0
Look = Callable[[str], bool]  # (portfolio); False: there is a fault


def keep_following(launch: Launch, looked: Callable[[], None]) -> None:
    """Follow every champion and challenger until the process ends; `looked` is called once, when each was looked at."""
    registry, check = open_champions(launch), release_check(launch)
    releases, trials = launch.releases, registry.trials
    looks: tuple[Look, ...] = (
        lambda portfolio: follow(launch, registry, check, portfolio) is not None,
        # After the champion, and whatever becomes of it: neither waits for what the other fails by.
        lambda portfolio: follow_challenger(releases, portfolio, trials, registry, check),
    )
    again: dict[tuple[str, int], float] = {}
    first = True
    while True:
        for portfolio in sorted({*launch.portfolios, *pointed_portfolios(releases)}):
            for place, look in enumerate(looks):
                # A check loads the whole release: one that fails is not repeated each second.
                if time.monotonic() >= again.get((portfolio, place), 0.0) and not look(portfolio):
                    again[portfolio, place] = time.monotonic() + RETRY_SECONDS
        if first:
            first = False
            looked()
        time.sleep(FOLLOW_SECONDS)
