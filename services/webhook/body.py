"""Reading a request's body within bounds: its own size, and the memory of all of them.

Its time is the door's to bound, which does so once, at the connection: what is late ends as a
sender who went away.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.types import Message, Receive

from shared.domain.ids import TenantId

MOST_HELD: Final = 64 * 1024 * 1024  # bytes of bodies in memory at any time
MOST_OF_ONE: Final = 8 * 1024 * 1024  # of one tenant: some two thousand events as Vindi sends them

Trouble = Literal["too_large", "gone", "refused"]


class BodyError(Exception):
    """The body will not be had; `trouble` says why. What was read of it is let go."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble: Trouble = trouble


@dataclass(slots=True, kw_only=True)
class Room:
    """The bytes of bodies that are being read or waiting to be stored, of all and of each tenant.

    A tenant has its share, whatever it sends: what is left is there for the others.
    """

    most: int = MOST_HELD
    most_of_one: int = MOST_OF_ONE
    held: int = 0
    _of: Counter[TenantId] = field(default_factory=Counter)

    def take(self, tenant: TenantId, size: int) -> None:
        """Count bytes that have come."""
        self.held += size
        self._of[tenant] += size

    def give_back(self, tenant: TenantId, size: int) -> None:
        """These bytes are let go."""
        self.held -= size
        self._of[tenant] -= size
        if not self._of[tenant]:
            del self._of[tenant]

    def full_for(self, tenant: TenantId) -> bool:
        """Whether there is too much, of all or of this one."""
        return self.held > self.most or self._of[tenant] > self.most_of_one


async def read_body(
    room: Room, receive: Receive, *, tenant: TenantId, told: str | None, limit: int
) -> bytes:
    """A request's whole body, counted in `room` until the caller gives its length back.

    `told` is the Content-Length, if there was one: nothing is read of what is said to be too
    large. Of a body that turns out so, at most `limit` and one piece are ever held; the server
    throws the rest away as it comes. Raises BodyError, and then nothing of it is counted.
    """
    if told is not None and (len(told) > 20 or not told.isdecimal() or int(told) > limit):
        raise BodyError("too_large")
    body: bytes | bytearray = b""
    whole = False
    try:
        more = True
        while more:
            piece, more = _piece(await receive())
            room.take(tenant, len(piece))
            body = _joined(body, piece)
            if len(body) > limit:
                raise BodyError("too_large")
            if room.full_for(tenant):
                raise BodyError("refused")
        whole = True
    finally:
        if not whole:
            room.give_back(tenant, len(body))
    return bytes(body)


def _joined(body: bytes | bytearray, piece: bytes) -> bytes | bytearray:
    """One piece, as most bodies are, is not copied; many are copied once each."""
    if not body:
        return piece
    grown = body if isinstance(body, bytearray) else bytearray(body)
    grown += piece
    return grown


def _piece(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise BodyError("gone")
    return message.get("body", b""), message.get("more_body", False)
