"""Requests to addresses that tenants choose: public ones only, by https, without redirects."""

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import AddrInfoType, ClientSession, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.cookiejar import DummyCookieJar
from yarl import URL

from shared.net.http import USER_AGENT

_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")  # the last part of no name
_NO_URL: Final = re.compile(r"[\s\\\x00-\x1f\x7f]")  # what each library reads in its own way
CONNECT_SECONDS: Final = 5.0
LOOK_UPS_AT_ONCE: Final = 64


class TargetRefused(ValueError):
    """An address we do not send to; `why` is a constant text."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def check_target(url: str, *, loopback: bool) -> str:
    """Return a URL that may be sent to; TargetRefused otherwise. Names are looked up later.

    `loopback` lets this machine be a target, by plain http too: for developing only.
    """
    try:
        parts = urlsplit(url)
        # The host as the client will read it: to IDNA, ①②⑦.⓪.⓪.① and 127。0。0。1 are 127.0.0.1.
        host, port = URL(url).raw_host, parts.port
    except ValueError:
        raise TargetRefused("not a URL") from None
    if not host or "@" in parts.netloc or parts.fragment or port == 0:
        raise TargetRefused("a URL with a host, without credentials or fragment")
    if _NO_URL.search(url):
        raise TargetRefused("not a URL")
    address = _literal(host)
    if address is None and _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        # The system's resolver takes 127.1, 2130706433 and 0x7f.1 for addresses, and aiohttp
        # takes such a host for an address already, which no resolver of ours gets to see.
        raise TargetRefused("must be a name, or an address written out in full")
    if address is None and not _is_name(host):
        raise TargetRefused("must be a name that can be looked up")
    name = host.rstrip(".").lower()
    here = name == "localhost" or (address is not None and address.is_loopback)
    here = here or name.endswith(".localhost")  # RFC 6761, 6.3: whatever DNS says
    if loopback and here and parts.scheme in ("http", "https"):
        return url
    if parts.scheme != "https":
        raise TargetRefused("must begin with https://")
    if here or (address is not None and not is_public(address)):
        raise TargetRefused("must be a public address")
    return url


def _is_name(host: str) -> bool:
    """Whether it can stand in DNS: parts of 1 to 63 letters, 253 in all (RFC 1035, 2.3.4)."""
    try:
        written = host.rstrip(".").encode("idna")
    except UnicodeError:
        return False
    return 0 < len(written) <= 253


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Say whether an address is reachable for everybody, and no inside of ours in disguise."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.is_site_local or address.sixtofour is not None or address.teredo is not None:
            return False
    # Reserved are, too, IPv4 addresses in disguise: 64:ff9b::/96 (RFC 6052) and ::/96.
    return address.is_global and not address.is_multicast and not address.is_reserved


class GuardedResolver(AbstractResolver):
    """Resolves names, and gives none of their addresses when one is not public.

    The connection is made to the very addresses that were checked, so a name that changes its
    mind between the check and the connection gains nothing. Names are looked up in threads of its
    own: one that hangs takes no thread from the look-ups of others.
    """

    def __init__(self, *, loopback: bool) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS_AT_ONCE, thread_name_prefix="look-up")
        self._loopback = loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up; OSError when it leads inside, or nowhere in time."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            found = await loop.run_in_executor(self._threads, _look_up, host, port, family)
        for result in found:
            _demand_public(result["host"], loopback=self._loopback)
        return found

    async def close(self) -> None:
        """Let go of the threads; one that hangs ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _demand_public(host: str, *, loopback: bool) -> None:
    address = ip_address(host)
    if not is_public(address) and not (loopback and address.is_loopback):
        raise OSError("leads to an address that is not public")


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    return [
        ResolveResult(
            hostname=host,
            host=str(place[0]),
            port=int(place[1]),
            family=kind,
            proto=proto,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for kind, _, proto, _, place in found
    ]


def open_guarded_session(*, loopback: bool, timeout: float) -> ClientSession:
    """Open a session for checked targets; `timeout` seconds for a whole request.

    Bodies of answers are what a stranger's server sends: they are not unpacked, nor read.
    """

    def open_socket(place: AddrInfoType) -> socket.socket:
        # The last door: a host that is an address already is shown to no resolver.
        kind, sort, protocol, _, where = place
        _demand_public(str(where[0]), loopback=loopback)
        return socket.socket(kind, sort, protocol)

    connector = TCPConnector(
        resolver=GuardedResolver(loopback=loopback),
        use_dns_cache=False,
        force_close=True,
        limit=0,
        socket_factory=open_socket,
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        timeout=ClientTimeout(total=timeout, sock_connect=CONNECT_SECONDS),
        trust_env=False,
        auto_decompress=False,  # nothing of an answer's body is looked at
    )


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
