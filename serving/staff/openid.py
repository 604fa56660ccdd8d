"""What must be known of the lender's own OpenID provider, for staff to sign in there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from serving.staff.member import BadStaff, Role, make_member, parse_roles

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class BadProvider(ValueError):
    """The settings of the OpenID provider cannot be used; the message names the one at fault."""


@dataclass(frozen=True, slots=True)
class OpenId:
    """How the lender's provider is asked, and what its claims mean here.

    `roles`: values of the claim `claim` → roles. `portfolios` are open to whoever comes for the first time; afterwards
    `lendloop staff roles` changes them, while roles are the provider's each time.
    """

    issuer: str
    client: str
    secret: str = field(repr=False)
    redirect: str
    roles: Mapping[str, frozenset[Role]]
    claim: str = "groups"
    name: str = "preferred_username"
    portfolios: str = "*"


def make_openid(
    issuer: str,
    client: str,
    secret: str,
    redirect: str,
    roles: Mapping[str, str],
    *,
    claim: str = "groups",
    name: str = "preferred_username",
    portfolios: str = "*",
) -> OpenId:
    """The provider of these settings, or `BadProvider`."""
    for what, url in (("ISSUER", issuer), ("REDIRECT", redirect)):
        if not is_safe(url):
            raise BadProvider(
                f"LENDLOOP_OPENID_{what}: found {url[:200]!r}; expected https://… (http on loopback only)"
            )
    for what, text in (("CLIENT", client), ("SECRET", secret), ("ROLES", roles), ("CLAIM", claim), ("NAME", name)):
        if not text:
            raise BadProvider(f"LENDLOOP_OPENID_{what}: found nothing; expected it beside LENDLOOP_OPENID_ISSUER")
    try:
        found = {value: parse_roles(text) for value, text in roles.items()}
        make_member("somebody", "auditor", portfolios)
    except BadStaff as error:
        raise BadProvider(f"LENDLOOP_OPENID_ROLES or _PORTFOLIOS: {error}") from None
    return OpenId(issuer.rstrip("/"), client, secret, redirect, found, claim, name, portfolios)


def is_safe(url: str) -> bool:
    """Whether what is sent there can be read by nobody on the way."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and on_this_machine(url)))


def on_this_machine(url: str) -> bool:
    """Whether it is an address of the loopback."""
    return urlsplit(url).hostname in _LOOPBACK
