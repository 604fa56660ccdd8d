"""`lendloop partner`: partners added, listed, given new keys and revoked; and the partner that a replay sends as."""

import json
import os
import pwd
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from rich.table import Table

from features.portfolio import list_portfolios
from flows.terminal import console
from flows.workspace import open_settings_log, open_workspace
from infra.settings import Settings
from serving.launch import read_note, service_folder
from serving.log.record import PLATFORM
from serving.partners.book import Book, Listed, open_book
from serving.partners.key import own_key, server_secret
from serving.partners.partner import ALL, DEMO, RESERVED, SECONDS, BadPartner, Partner, make_partner
from serving.pointers import pointed_portfolios

PATHS = {"decide": "decisions", "propensity": "propensities"}


def add_partner(name: str, scopes: str, portfolios: str, quota: str, concurrency: int, by: str) -> None:
    """Add a partner; print its key, which nobody can print again, and how to call with it."""
    settings = Settings()
    if name in RESERVED:
        raise BadPartner(f"name: {name!r} is the platform's own; take another")
    partner = make_partner(name, scopes, portfolios, quota, concurrency)
    known = list_portfolios(settings.portfolios)
    _refuse_absent(portfolios, known)
    path, body = _request(partner, _served_first(settings, known))
    with _book(settings) as book:
        key = book.add(partner, by=by, at=datetime.now(UTC))
    _show_key(name, key)
    _show_example(_url(settings) + path, body, key)


def _refuse_absent(portfolios: str, known: list[str]) -> None:
    if absent := sorted({*filter(None, portfolios.split(","))} - {*known, ALL}):
        raise BadPartner(f"portfolios: found {absent}, which there are not; expected some of {known}, or {ALL}")


def _served_first(settings: Settings, known: Sequence[str]) -> list[str]:
    """Portfolios that have a release here first: a request about another is answered 404 as yet."""
    served = pointed_portfolios(settings.releases)
    return sorted(known, key=lambda name: name not in served)


def list_partners() -> None:
    """Print every partner there ever was."""
    with _book(Settings()) as book:
        found = book.history(datetime.now(UTC))
    _show_partners(found)


def change_partner(
    name: str, scopes: str | None, portfolios: str | None, quota: str | None, concurrency: int | None, by: str
) -> None:
    """Change what a partner may do, and print how it stands now; its keys stay."""
    settings = Settings()
    if portfolios is not None:
        _refuse_absent(portfolios, list_portfolios(settings.portfolios))
    at = datetime.now(UTC)
    with _book(settings) as book:
        book.change(name, by=by, at=at, scopes=scopes, portfolios=portfolios, quota=quota, concurrency=concurrency)
        _show_partners([one for one in book.history(at) if one.partner.name == name])


def _show_partners(found: Sequence[Listed]) -> None:
    table = Table(box=None)
    for title in ("partner", "scopes", "portfolios", "quota", "at once", "added", "by", "keys"):
        table.add_column(title, overflow="fold")  # a name cut short would be of no use
    for one in found:
        who = one.partner
        names = (",".join(sorted(who.scopes)), ",".join(sorted(who.portfolios)))
        row = (who.name, *names, str(who.quota), str(who.concurrency), one.added_at[:16], one.added_by, _keys(one))
        table.add_row(*row)
    console.print(table if table.rows else "no partner yet; `lendloop partner add NAME --portfolios NAME` makes one")


def rotate_key(name: str, overlap: str, by: str) -> None:
    """Print a new key of a partner; those it has open for `overlap` longer."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", overlap)
    if found is None:
        raise BadPartner(f"overlap: found {overlap!r}; expected a time such as 0s, 30m, 24h or 7d")
    length = timedelta(seconds=int(found[1]) * SECONDS[found[2]])
    at = datetime.now(UTC)
    with _book(Settings()) as book:
        key = book.rotate(name, overlap=length, by=by, at=at)
    _show_key(name, key)
    console.print(f"its other keys are open until {at + length:%Y-%m-%d %H:%M:%S} UTC")


def revoke_partner(name: str, by: str) -> None:
    """Close every key of a partner for good."""
    with _book(Settings()) as book:
        book.revoke(name, by=by, at=datetime.now(UTC))
    console.print(f"{name} is revoked; the service knows within a second")


def demo_key(settings: Settings) -> str:
    """The key by which the sample of a replay is sent; its partner is added when it is not there."""
    partner = make_partner(DEMO, "decide,propensity", ALL, "100000/s", 1_000)
    key = own_key(open_secret(settings), DEMO)
    with _book(settings) as book:
        book.ensure(partner, by=PLATFORM, at=datetime.now(UTC), key=key)
    return key


@contextmanager
def _book(settings: Settings) -> Iterator[Book]:
    settings.root().mkdir(parents=True, exist_ok=True)
    log = open_settings_log(settings)
    book = open_book(settings.decision_log_url, open_secret(settings), log.vault)
    try:
        yield book
    finally:
        book.close()
        log.close()


def open_secret(settings: Settings) -> bytes:
    """The secret that keys are hashed under and tokens are signed with."""
    return server_secret(settings.partner_secret.get_secret_value(), settings.partner_secret_file)


def _keys(one: Listed) -> str:
    if one.revoked_at:
        return f"revoked {one.revoked_at[:16]}"
    return ", ".join(f"ll_{name}_… {f'until {end[:16]}' if end else 'open'}" for name, end in one.keys.items())


def _show_key(name: str, key: str) -> None:
    console.print(f"The key of {name}, shown this once and stored nowhere:\n")
    _plain(key)


def _show_example(url: str, body: dict[str, object], key: str) -> None:
    types = "-H 'Content-Type: application/json' -H 'Idempotency-Key: order-1'"
    send = [types, f"-d '{json.dumps(body)}'"] if body else []
    console.print("\nA first request, with curl:\n")
    _plain(" \\\n  ".join([f"curl -s {url}", f"-H 'Authorization: Bearer {key}'", *send]))
    more = ', "Content-Type": "application/json", "Idempotency-Key": "order-1"' if body else ""
    data = f"\n    data=json.dumps({body!r}).encode()," if body else ""
    console.print("\nThe same with Python:\n")
    _plain(
        f"""import json, urllib.request
request = urllib.request.Request(
    "{url}",{data}
    headers={{"Authorization": "Bearer {key}"{more}}},
)
print(json.load(urllib.request.urlopen(request)))"""
    )


def _request(partner: Partner, known: list[str]) -> tuple[str, dict[str, object]]:
    """Path and body of a request that the partner may make; the body is empty where only reading is open to it."""
    for name in filter(partner.sees, known):
        workspace = open_workspace(name)
        policy = workspace.policy
        for scope, decides in (("decide", policy.risk), ("propensity", policy.propensity)):
            if decides is not None and scope in partner.scopes:
                entity = 1 if workspace.portfolio.features.entity.type == "int" else "A-1"
                amount = {"amount": 500} if scope == "decide" else {}
                return f"/v1/portfolios/{name}/{PATHS[scope]}", {"entity_id": entity, **amount}
    return "/v1/partners/me", {}


def _url(settings: Settings) -> str:
    running = read_note(service_folder(settings.root()))
    return running.url if running else f"http://{settings.host}:{settings.port}"


def _plain(text: str) -> None:
    """To be copied: neither wrapped nor coloured."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def login_name() -> str:
    """Who runs this process, as the system knows it; not as LOGNAME or USER say, which anyone can set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user may have no name
        return f"uid {os.getuid()}"
