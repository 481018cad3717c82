"""Reading a request's body within bounds: its own size, its time, and the memory of all of them."""

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from starlette.types import Message, Receive

MOST_HELD: Final = 64 * 1024 * 1024  # bytes of bodies in memory at any time
BODY_SECONDS: Final = 15.0  # Vindi gives up after 20 s

Trouble = Literal["too_large", "too_slow", "gone", "refused"]


class BodyError(Exception):
    """The body will not be had; `trouble` says why. What was read of it is let go."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble: Trouble = trouble


@dataclass(slots=True, kw_only=True)
class Room:
    """The bytes of bodies that are being read or waiting to be stored."""

    most: int = MOST_HELD
    held: int = 0


async def read_body(room: Room, receive: Receive, *, told: str | None, limit: int) -> bytes:
    """A request's whole body, counted in `room` until the caller takes its length off again.

    `told` is the Content-Length, if there was one: nothing is read of what is said to be too
    large. Of a body that turns out so, at most `limit` and one piece are ever held; the server
    throws the rest away as it comes. Raises BodyError, and then nothing of it is counted.
    """
    if told is not None and (len(told) > 20 or not told.isdecimal() or int(told) > limit):
        raise BodyError("too_large")
    body: bytes | bytearray = b""
    whole = False
    try:
        async with asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                piece, more = _piece(await receive())
                room.held += len(piece)
                body = _joined(body, piece)
                _check(room, len(body), limit)
            whole = True
    except TimeoutError:
        raise BodyError("too_slow") from None
    finally:
        if not whole:
            room.held -= len(body)
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


def _check(room: Room, held: int, limit: int) -> None:
    if held > limit:
        raise BodyError("too_large")
    if room.held > room.most:
        raise BodyError("refused")
