"""Vendors of identity checks over HTTP: a token is asked about, and only a clear `passed: true` counts as passed."""

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, get_args
from urllib.parse import urlsplit

import httpx

from serving.policy import Signal
from serving.signals import VENDOR_SECONDS

LARGEST_ANSWER = 16 * 1024


class BadVendor(ValueError):
    """A vendor cannot be configured as it was; the message names the signal and never the key."""


class VendorFault(RuntimeError):
    """The vendor gave no clear answer, so that the signal stays unanswered; says nothing of what was sent."""


class HttpVendor:
    """Asks `POST url {"signal": …, "token": …}`; the answer is 200 and JSON with `passed`, true or false.

    Belongs to one event loop. Follows no redirect and heeds no proxy of the environment: tokens go to this URL alone.
    """

    def __init__(self, signal: Signal, url: str, key: str = "", seconds: float = VENDOR_SECONDS) -> None:
        headers = {"accept": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        self._signal, self._url = signal, url
        self._client = httpx.AsyncClient(timeout=seconds, headers=headers, trust_env=False)

    async def check(self, token: str) -> bool:
        """Whether the check that `token` names passed; `VendorFault` or a fault of httpx's where it is not clear."""
        asked = {"signal": self._signal, "token": token}
        async with self._client.stream("POST", self._url, json=asked) as answer:
            if answer.status_code != 200:
                raise VendorFault(f"the vendor of {self._signal} answered {answer.status_code}; expected 200")
            return _passed(self._signal, await _body(self._signal, answer))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def http_vendors(
    urls: Mapping[str, str], keys: Mapping[str, str], seconds: float = VENDOR_SECONDS
) -> dict[Signal, HttpVendor]:
    """The vendor of each signal that has a URL, or `BadVendor`."""
    known: tuple[Signal, ...] = get_args(Signal)
    if unknown := sorted({*urls, *keys} - {*known}):
        raise BadVendor(f"vendors: found {', '.join(unknown)}; expected signals among {', '.join(known)}")
    if without := sorted({*keys} - {*urls}):
        raise BadVendor(f"vendors: a key but no URL for {', '.join(without)}; set LENDLOOP_VENDORS too")
    return {
        signal: HttpVendor(signal, _checked(signal, urls[signal]), keys.get(signal, ""), seconds)
        for signal in known
        if signal in urls
    }


def _checked(signal: Signal, url: str) -> str:
    parts = urlsplit(url)
    # In the clear a token, and who may ask about it, would be anyone's on the way.
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_local(parts.hostname))):
        raise BadVendor(f"vendor of {signal}: expected an https:// URL, or http:// on this machine")
    return url


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _body(signal: Signal, answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > LARGEST_ANSWER:
            raise VendorFault(f"the vendor of {signal} answered more than {LARGEST_ANSWER} bytes")
    return bytes(body)


def _passed(signal: Signal, body: bytes) -> bool:
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise VendorFault(f"the vendor of {signal} answered no JSON") from None
    passed = document.get("passed") if isinstance(document, dict) else None
    if not isinstance(passed, bool):
        raise VendorFault(f"the vendor of {signal} did not say whether it passed; expected passed: true or false")
    return passed
