"""Whose address a request comes from: one customer of a provider has one address of IPv4, and 2⁶⁴ of IPv6."""

from ipaddress import IPv6Address, ip_address

_OF_ONE = 64  # bits that hosts choose themselves: the least that anybody is given (RFC 6177)


def origin(address: str) -> str:
    """What those of one customer have in common: an address of IPv4, a /64 of IPv6; other text as it is."""
    try:
        found = ip_address(address)
    except ValueError:  # of a socket in the file system, for one
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:  # so a socket for both tells of IPv4
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) >> _OF_ONE << _OF_ONE)}/{_OF_ONE}"
