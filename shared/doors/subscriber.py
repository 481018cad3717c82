"""By what people that come over a network are told apart before they say who they are."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_PORT: Final = re.compile(r"\[([^\]]{1,64})\](?::\d{1,5})?|(\d[\d.]{0,14}):\d{1,5}")
LONGEST: Final = 64  # of what is no address, as a careless proxy may say it


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, also before its port; of IPv4 written as IPv6 that of IPv4. None for neither."""
    with_port = _PORT.fullmatch(text)
    try:
        parsed = ip_address((with_port[1] or with_port[2]) if with_port else text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def subscriber_at(address: IPv4Address | IPv6Address) -> str:
    """Whoever has an address: of IPv6 one has a /64 of them and could come from each."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), 64), strict=False))


def subscriber(text: str) -> str:
    """The same of an address as it is written; what is none stays as it is, cut."""
    address = read_address(text)
    return text[:LONGEST] if address is None else subscriber_at(address)
