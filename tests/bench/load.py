"""A lean source of deliveries, in a process of its own: it shares two cores with what it measures.

Reads one JSON object from stdin, sends, writes one JSON object to stdout.
"""

import asyncio
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, cast

import uvloop

BODY_BYTES: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to send: distinct bill events from `first_bill` on.

    With `rate` (deliveries a second) they leave by the clock and the time is taken from when each
    should have left; without, every connection sends as soon as it is answered.
    """

    port: int
    path: str
    first_bill: int
    seconds: float
    connections: int = 64
    rate: float | None = None
    most: int | None = None  # so many are sent, however long that takes
    accepted_to: str = ""  # a file that gets the number of each bill that was answered with 200
    answered_to: str = ""  # a file that gets these, each with when that was, in Unix seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it; times in milliseconds."""

    sent: int
    refused: int
    seconds: float
    p50: float
    p99: float


@dataclass(slots=True)
class Tally:
    next_bill: int
    until: float
    left: float  # how many may be sent still
    times: list[float] = field(default_factory=list)
    refused: int = 0
    accepted: list[tuple[int, float]] = field(default_factory=list)


class Sender(asyncio.Protocol):
    """One connection with one request under way."""

    def __init__(self, order: Order, tally: Tally, number: int) -> None:
        self._order = order
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._gap = order.connections / order.rate if order.rate else 0.0
        self._due = time.perf_counter() + self._gap * number / order.connections
        self._heard = b""
        self._bill = 0
        self.done = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._schedule()

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if not self._heard.endswith(b"\r\n\r\n"):  # answers have no body
            return
        if self._heard.startswith(b"HTTP/1.1 200"):
            self._tally.accepted.append((self._bill, time.time()))
        else:
            self._tally.refused += 1
        self._heard = b""
        self._tally.times.append(time.perf_counter() - self._due)
        self._due += self._gap
        self._schedule()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the service hung up"))

    def _schedule(self) -> None:
        now = time.perf_counter()
        if max(now, self._due) >= self._tally.until or self._tally.left <= 0:
            self.done.set_result(None)
            self._transport.close()
        elif not self._gap:
            self._due = now
            self._send()
        elif self._due > now:
            self._loop.call_later(self._due - now, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if self._tally.left <= 0:  # others sent the last of them meanwhile
            self._schedule()
            return
        self._tally.left -= 1
        self._tally.next_bill += 1
        self._bill = self._tally.next_bill
        self._transport.write(request(self._order.path, self._bill))


def request(path: str, bill: int) -> bytes:
    head = (
        b'{"event":{"type":"bill_paid","created_at":"2026-10-05T10:11:12.345-03:00",'
        b'"data":{"bill":{"id":%d,"amount":"179.9","status":"paid","code":"' % bill
    )
    body = head + b"x" * (BODY_BYTES - len(head) - 5) + b'"}}}}'
    return (
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Vindi-Hookshot/1.0\r\n"
        b"Content-Type: application/json; charset=UTF-8\r\nContent-Length: %d\r\n\r\n"
        % (path.encode(), len(body))
    ) + body


async def send(order: Order) -> Report:
    started = time.perf_counter()
    tally = Tally(
        next_bill=order.first_bill,
        until=started + order.seconds if order.most is None else math.inf,
        left=math.inf if order.most is None else order.most,
    )
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(partial(Sender, order, tally, number), "127.0.0.1", order.port)
        for number in range(order.connections)
    ]
    async with asyncio.timeout(order.seconds + 30):
        await asyncio.gather(*(sender.done for _, sender in pairs))
    if order.accepted_to:
        bills = [bill for bill, _ in tally.accepted]
        Path(order.accepted_to).write_text(json.dumps(bills), encoding="utf-8")
    if order.answered_to:
        Path(order.answered_to).write_text(json.dumps(tally.accepted), encoding="utf-8")
    return _report(tally, time.perf_counter() - started)


def _report(tally: Tally, seconds: float) -> Report:
    times = sorted(tally.times)
    return Report(
        sent=len(times),
        refused=tally.refused,
        seconds=seconds,
        p50=times[len(times) // 2] * 1000,
        p99=times[len(times) * 99 // 100] * 1000,
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(uvloop.run(send(Order(**json.load(sys.stdin)))))))
