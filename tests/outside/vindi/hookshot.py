"""Vindi's webhooks: lost, doubled, late and out of order, in the shapes that were recorded.

Source: the working reference of Vindi's API, section 9.
"""

import asyncio
import copy
import json
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp

from tests.outside.vindi.records import Account, Record, now
from tests.outside.vindi.rendered import instant, rendered
from tests.outside.wire import Dress

# Events after which a sale is known; that somebody looked at a bill changes nothing.
ABOUT_BILLS = frozenset({"bill_created", "bill_paid", "bill_canceled"})


@dataclass(slots=True, kw_only=True)
class Hookshot:
    """Sends an account's news to one address; chances are between 0 and 1."""

    account: Account
    url: str
    http: aiohttp.ClientSession
    seed: int = 1
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0  # kept for the next time
    shuffled: bool = False
    dress: Dress = field(default_factory=Dress)
    sent: int = 0
    refused: int = 0
    told: set[int] = field(default_factory=set)  # bills of which an event was taken
    _kept: list[tuple[str, Record]] = field(default_factory=list)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    async def tell(self) -> None:
        """Send what is new, as far as this line lets it through."""
        news, self.account.news = [*self._kept, *self.account.news], []
        self._kept = []
        out: list[tuple[str, Record]] = []
        for each in news:
            if self._random.random() < self.lost:
                continue
            if self._random.random() < self.late:
                self._kept.append((each[0], copy.deepcopy(each[1])))
                continue
            out += [each, each] if self._random.random() < self.doubled else [each]
        if self.shuffled:
            self._random.shuffle(out)
        await asyncio.gather(*(self.send(kind, record) for kind, record in out))

    async def send(self, kind: str, record: Record) -> int:
        body = self.dress.text(event(self.account, kind, record))
        status = await self.post(body)
        named = self.account.readings.event_data != "none" and kind in ABOUT_BILLS
        if named and 200 <= status < 300:
            self.told.add(record["id"])
        return status

    async def post(self, body: bytes, content_type: str = "application/json; charset=UTF-8") -> int:
        """One delivery; tried again like Vindi does, though much sooner."""
        headers = {"Content-Type": content_type, "User-Agent": "Vindi-Hookshot/1.0"}
        status = 0
        for wait in (0.1, 0.3, 1.0, 2.0):
            try:
                timeout = aiohttp.ClientTimeout(total=20)
                async with self.http.post(
                    self.url, data=body, headers=headers, allow_redirects=False, timeout=timeout
                ) as answer:
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError):
                status = 0
            if 200 <= status < 300:
                self.sent += 1
                return status
            await asyncio.sleep(wait)
        self.refused += 1
        return status


def event(account: Account, kind: str, record: Record) -> dict[str, Any]:
    """The envelope; what is in `data` is one of the shapes that were seen."""
    thing = kind.split("_", maxsplit=1)[0]
    stamp = instant(account.readings, now() - timedelta(milliseconds=1))
    match account.readings.event_data:
        case "small":
            data: Any = {thing: {"id": record["id"], "status": record["status"]}}
        case "none":
            return {"event": {"type": kind, "created_at": stamp, "data": None}}
        case "old":
            data = {thing: rendered(account, thing, _as_it_was(record))}
        case _:
            data = {thing: rendered(account, thing, record)}
    return {"event": {"type": kind, "created_at": stamp, "data": data}}


def _as_it_was(record: Record) -> Record:
    """The record before anything was paid: a body made early, and delivered late."""
    kept = {**record, "status": "pending", "updated_at": record["created_at"]}
    if "paid_at" in kept:
        kept["paid_at"] = None
    if isinstance(kept.get("charges"), list):
        kept["charges"] = [_as_it_was(each) if each else each for each in kept["charges"]]
    return kept


def as_text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
