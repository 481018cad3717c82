"""How much a listener takes from those who connect to it, before anything is known of them."""

import ipaddress
from dataclasses import dataclass
from typing import Final

from shared.config.env import Env

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Not public: this machine, and where proxies and pods stand (RFC 1918, 4193 and 6598).
INSIDE: Final = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7"


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """Limits of one process's listener.

    Connections from `proxies` are many people's: they are counted together with all others, and
    by source in the proxy itself.
    """

    head_bytes: int = 32 * 1024
    headers: int = 100
    head_seconds: float = 10.0  # from the first byte, or the connection, to the end of the head
    body_seconds: float = 30.0  # from the end of the head to the end of the body
    idle_seconds: int = 5  # between two requests
    stalled_seconds: float = 30.0  # within which so much of a waiting answer has to be taken:
    taken_bytes: int = 32 * 1024
    pipelined: int = 16  # requests sent ahead of their answers
    connections: int = 1000
    connections_per_source: int = 100
    proxies: tuple[Network, ...] = ()


def read_door(var: Env) -> DoorSettings:
    """The limits that an operator may set; the others are the same everywhere."""
    return DoorSettings(
        connections=var.whole("CONNECTIONS", default=1000, least=10, most=50_000),
        connections_per_source=var.whole(
            "CONNECTIONS_PER_SOURCE", default=100, least=1, most=50_000
        ),
        proxies=_networks(var, "PROXY_NETWORKS"),
    )


def _networks(var: Env, name: str) -> tuple[Network, ...]:
    """Networks separated by commas, such as 10.0.0.0/8; `none` for none."""
    text = var.text(name, default=INSIDE)
    if text == "none":
        return ()
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(","))
    except ValueError:
        var.problem(name, "must be networks separated by commas, such as 10.0.0.0/8, or none.")
        return ()
