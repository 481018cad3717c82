"""The only road to Vindi's API: reads, each within the account's budget.

Read-only by construction: there is no way to name a method here. Nothing it logs or raises holds
the key, a body or the values of a query.
"""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, Literal, TypeVar

import structlog
from aiohttp import ClientError, ClientSession
from msgspec import Struct
from yarl import URL

from shared.domain.bill import Bill, Customer, Refund
from shared.net.heard_clock import HeardClock
from shared.net.http import (
    NEVER_SENT,
    AnswerTooLarge,
    demand_https,
    retry_after,
    server_time,
)
from shared.net.json_bytes import read_json
from shared.net.measured import Calls
from shared.net.straight import Straight
from shared.vindi.budget import TURNS, AccountKey, Budget, BudgetShare, Ticket, read_heard
from shared.vindi.errors import (
    UnreadableBillError,
    VindiAccountBlocked,
    VindiBusy,
    VindiKeyRefused,
    VindiNoTotal,
    VindiPagesRepeat,
    VindiProfileTooNarrow,
    VindiRequestRefused,
    VindiUnavailable,
)
from shared.vindi.payloads import (
    BilledCharge,
    Merchant,
    id_in,
    read_bill,
    read_billed_charge,
    read_customer,
    read_merchant,
    read_refund,
)
from shared.vindi.query import Query, encoded

log = structlog.get_logger()

CALLS: Final = Calls("vindi", kind="share")

T = TypeVar("T")
# How an account's lists may be odd, in words that are stored: they show in the tenant's health.
Oddity = Literal[
    "no_total",
    "pages_repeat",
    "lists_ignored",
    "lists_refused",
    "lists_failing",
    "charge_ignored",
    "not_theirs",
]
MOST_PER_PAGE: Final = 50  # more is not known to be honoured (vindi-api, section 3.1)
MOST_PAGES: Final = 1000  # of a list that says neither how long it is nor ends
CONNECT_SECONDS: Final = 10.0
MOST_BYTES: Final = 32 * 2**20  # a page of fifty bills with 120 lines each is below 10 MB
DEFAULT_BLOCK: Final = timedelta(minutes=1)
LONGEST_BLOCK: Final = timedelta(minutes=5)
# What a connected account must let us read (section 3.2), in the order in which it is tried.
NEEDED_READS: Final = ("bills", "customers", "charges", "transactions", "products")


class Resource(Struct, Generic[T], frozen=True, kw_only=True):
    """A kind of record: its path, its name when alone, and its reader."""

    path: str
    one: str
    read: Callable[[object], T]


BILLS: Final[Resource[Bill]] = Resource(path="bills", one="bill", read=read_bill)
CUSTOMERS: Final[Resource[Customer]] = Resource(
    path="customers", one="customer", read=read_customer
)
CHARGES: Final[Resource[BilledCharge]] = Resource(
    path="charges", one="charge", read=read_billed_charge
)
# None for a transaction that is not a refund that succeeded.
TRANSACTIONS: Final[Resource[Refund | None]] = Resource(
    path="transactions", one="transaction", read=read_refund
)


class Read(Struct, Generic[T], frozen=True, kw_only=True):
    """A record as Vindi sent it, and as we read it."""

    raw: dict[str, Any]
    value: T


class Unreadable(Struct, frozen=True, kw_only=True):
    """A record that cannot be acted on; `problem` names the field, never its value."""

    raw: dict[str, Any]
    id: int | None
    problem: str
    refused: bool = False  # Vindi refused to tell, which it may not do for ever


class Untold(Struct, frozen=True, kw_only=True):
    """A record that was not read this time; nothing is known of it, and it is to be asked again.

    `error` says what ended the reading: None when only its turn has not come.
    """

    error: VindiBusy | VindiUnavailable | None = None


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list; `per_page` and `total` are what Vindi said, not what was asked."""

    rows: tuple[Read[T] | Unreadable, ...]
    number: int
    per_page: int
    total: int | None

    @property
    def is_last(self) -> bool:
        """An empty page ends a list, and so does the page that reaches `total`.

        One whose rows and total disagree does not: pages may be shorter than they say.
        """
        if not self.rows:
            return True
        reached = self.total is not None and self.number * self.per_page >= self.total
        return reached and self.adds_up

    @property
    def adds_up(self) -> bool:
        """Whether it has the rows that it has to have by `total`, if that is told."""
        return self.total is None or len(self.rows) == self.rows_due(self.total)

    def rows_due(self, total: int) -> int:
        """How many of so many rows in all are on this page."""
        return max(0, min(self.per_page, total - (self.number - 1) * self.per_page))

    @property
    def is_full(self) -> bool:
        """Whether it has as many rows as a page of this list may have."""
        return len(self.rows) >= self.per_page

    @property
    def keys(self) -> frozenset[object]:
        """What tells its rows apart: their ids, or their places where they have none."""
        ids = (id_in(row.raw) for row in self.rows)
        return frozenset(
            (self.number, place) if number is None else number for place, number in enumerate(ids)
        )


class KeyCheck(Struct, frozen=True, kw_only=True):
    """What trying a key has shown; `merchant` is None unless the key is good."""

    outcome: Literal["ok", "refused", "account_blocked", "too_narrow", "unreachable"]
    merchant: Merchant | None = None
    forbidden: str | None = None  # the first read that the key's profile forbids
    issues_already: bool = False  # Vindi's own fiscal integration has records: ask before issuing


class _Answer(Struct, frozen=True, kw_only=True):
    status: int
    headers: Mapping[str, str]
    body: bytes
    came: float  # by `time.monotonic`


class VindiClient:
    """One tenant's Vindi account, read-only.

    Every read may raise VindiKeyRefused, VindiAccountBlocked, VindiProfileTooNarrow (pause the
    tenant), VindiBusy or VindiUnavailable (later), VindiRequestRefused (a bug, or a query that
    this account does not honour).
    """

    def __init__(
        self,
        session: ClientSession,
        *,
        base_url: str,
        api_key: str,
        account: AccountKey,
        budget: Budget,
        share: BudgetShare,
        timeout: timedelta = timedelta(seconds=30),
        patience: timedelta = timedelta(seconds=5),
    ) -> None:
        """`session` is one of `open_session`, which sends every request once.

        `base_url` goes up to and with `/api/v1`; `patience` is how long to wait for a turn:
        some seconds, since the first request of a window goes alone.
        """
        self.account = account
        self._base = demand_https(base_url)
        credentials = base64.b64encode(f"{api_key}:".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", "Accept": "application/json"}
        self._straight = Straight(
            session, base=URL(self._base), headers=headers, to_connect=CONNECT_SECONDS
        )
        self._budget = budget
        self._share = share
        self._timeout = timeout.total_seconds()
        self._patience = patience
        self._clock = HeardClock()
        self.oddities: set[Oddity] = set()  # seen by this client

    @property
    def skew(self) -> timedelta | None:
        """Vindi's clock minus this machine's, by its last answer; None until one told."""
        said = self.now()
        return None if said is None else said - datetime.now(UTC)

    def now(self) -> datetime | None:
        """Vindi's clock, by its last answer and what passed since; None until one told.

        An answer of somebody on the way tells nothing of it, nor does a clock of ours that is set.
        """
        return self._clock.now()

    async def read_one(self, resource: Resource[T], number: int) -> Read[T] | Unreadable | None:
        """Read one record; None when Vindi has none, which a replica may say for seconds."""
        answer = await self._get(f"{resource.path}/{number}", resource.path)
        if answer.status == 404:
            return None
        body = self._json(answer)
        if not isinstance(body, dict) or resource.one not in body:
            raise VindiUnavailable("not a record")  # a captive portal's JSON, say
        return _row(resource, body[resource.one])

    async def read_page(
        self,
        resource: Resource[T],
        query: Query | None,
        *,
        number: int = 1,
        per_page: int = MOST_PER_PAGE,
        sort_by: str = "created_at",
        descending: bool = False,
    ) -> Page[T]:
        """Read one page. Rows are what Vindi sent: check them against your own filter."""
        asked = {"page": str(number), "per_page": str(per_page), "sort_by": sort_by}
        asked["sort_order"] = "desc" if descending else "asc"
        if query is not None:
            asked["query"] = query
        answer = await self._get(resource.path, resource.path, asked)
        if answer.status == 404:
            raise VindiUnavailable("no such list")
        body = self._json(answer)
        rows = body.get(resource.path) if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise VindiUnavailable("not a list")
        total = _whole(answer.headers, "Total")
        if total is None:
            self.oddities.add("no_total")
        return Page(
            rows=tuple(_row(resource, row) for row in rows),
            number=number,
            per_page=_whole(answer.headers, "Per-Page") or per_page,
            total=total,
        )

    async def iter_pages(
        self, resource: Resource[T], query: Query | None, *, per_page: int = MOST_PER_PAGE
    ) -> AsyncIterator[Page[T]]:
        """Walk through a list, oldest created first, which no change of a row can reorder.

        Rows that come in meanwhile may show a row twice, never hide one (vindi-api, section 11).
        A page that shows nothing new ends the list: one that repeats for ever would never. Raises
        VindiPagesRepeat when there may be more behind it.
        """
        seen: set[object] = set()
        for number in range(1, MOST_PAGES + 1):
            page = await self.read_page(resource, query, number=number, per_page=per_page)
            yield page
            if page.is_last or self.repeats(page, seen):
                return
            seen |= page.keys
        raise VindiUnavailable("a list without an end")

    def repeats(self, page: Page[Any], seen: AbstractSet[object]) -> bool:
        """Say whether a page shows nothing but rows that earlier pages showed.

        Raises VindiPagesRepeat when the list does not say how long it is and the page is full: a
        page that is not was the whole of the list, repeated.
        """
        if not page.keys <= seen:
            return False
        self.oddities.add("pages_repeat")
        if page.total is None and page.is_full:
            raise VindiPagesRepeat
        return True

    async def count(self, resource: Resource[T], query: Query | None) -> int:
        """Ask how many records match, for the price of one request."""
        page = await self.read_page(resource, query, per_page=1)
        if page.total is None:
            raise VindiNoTotal
        return page.total

    async def any_match(self, resource: Resource[T], query: Query | None) -> bool:
        """Ask whether any record matches, also where a list says no total."""
        page = await self.read_page(resource, query, per_page=1)
        return bool(page.rows) or bool(page.total)

    async def merchant(self) -> Merchant:
        """Read whose account the key belongs to."""
        answer = await self._get("merchants/current", "merchants")
        body = self._json(answer) if answer.status == 200 else None
        try:
            return read_merchant(body.get("merchant") if isinstance(body, dict) else None)
        except UnreadableBillError as error:
            raise VindiUnavailable("no merchant") from error

    async def prove_key(self) -> Merchant:
        """Try every read we need (section 3.2); raises what the first refused one raises."""
        merchant = await self.merchant()
        for path in NEEDED_READS:
            await self._try_list(path)
        return merchant

    async def check_key(self) -> KeyCheck:
        """Try every read we need, and look for notas that Vindi already issues."""
        try:
            merchant = await self.prove_key()
        except VindiKeyRefused:
            return KeyCheck(outcome="refused")
        except VindiAccountBlocked:
            return KeyCheck(outcome="account_blocked")
        except VindiProfileTooNarrow as error:
            return KeyCheck(outcome="too_narrow", forbidden=error.resource)
        except (VindiUnavailable, VindiBusy, VindiRequestRefused):
            return KeyCheck(outcome="unreachable")
        return KeyCheck(
            outcome="ok", merchant=merchant, issues_already=await self._issues_already()
        )

    async def _issues_already(self) -> bool:
        newest = {"sort_by": "created_at", "sort_order": "desc"}
        try:
            return bool(await self._try_list("invoices", newest))
        except (VindiProfileTooNarrow, VindiRequestRefused, VindiUnavailable, VindiBusy):
            return False  # a look that many profiles forbid; nothing depends on it

    async def _try_list(self, path: str, more: Mapping[str, str] | None = None) -> list[Any]:
        answer = await self._get(path, path, {"per_page": "1", **(more or {})})
        body = self._json(answer) if answer.status == 200 else None
        rows = body.get(path) if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise VindiUnavailable("not a list")
        return rows

    async def _get(
        self, path: str, resource: str, asked: Mapping[str, str] | None = None
    ) -> _Answer:
        """Read a path; 200 and 404 come back, everything else is raised."""
        text = f"{self._base}/{path}"
        if asked:
            text = f"{text}?{'&'.join(f'{name}={encoded(said)}' for name, said in asked.items())}"
        url = URL(text, encoded=True)
        answer = await self._request(url, resource)
        if answer is None:
            # A kept-alive connection may die under a request; a read is safe to repeat once.
            answer = await self._request(url, resource)
        if answer is None:
            raise VindiUnavailable("broken connection")
        await self._raise_for(answer, resource)
        return answer

    async def _request(self, url: URL, resource: str) -> _Answer | None:
        """Send one request in its turn; None when the connection broke under it."""
        share = self._share.name.lower()
        with TURNS.labels(share).time():
            ticket = await self._budget.take(self.account, self._share, patience=self._patience)
        with CALLS.call(share) as said:
            answer = await self._sent(ticket, url, resource)
            if answer is None:
                said.word = "broken connection"
            else:
                said.status(answer.status)
        return answer

    async def _sent(self, ticket: Ticket, url: URL, resource: str) -> _Answer | None:
        try:
            response = await self._straight.send("GET", url, seconds=self._timeout, most=MOST_BYTES)
        # What the library raises may show the request, so it is never passed on.
        except NEVER_SENT:
            await self._budget.give_back(ticket)
            raise VindiUnavailable("no connection") from None
        except asyncio.CancelledError:
            # Nobody waits for this answer any more; the account's next request should not either.
            await self._budget.lose(ticket)
            raise
        except TimeoutError:
            await self._budget.lose(ticket)
            raise VindiUnavailable("time-out") from None
        except AnswerTooLarge:
            await self._budget.lose(ticket)
            raise VindiUnavailable("too large") from None
        except ClientError:
            await self._budget.lose(ticket)
            return None
        headers, came = response.headers, time.monotonic()
        await self._budget.settle(ticket, read_heard(headers, window=self._budget.window))
        if response.status >= 400 and response.status != 404:
            log.info(
                "vindi_refused",
                status=response.status,
                resource=resource,
                vindi_request_id=headers.get("X-Request-Id", "")[:64],
            )
        return _Answer(status=response.status, headers=headers, body=response.body, came=came)

    def _json(self, answer: _Answer) -> Any:
        try:
            content = read_json(answer.body)
        except ValueError as error:  # HTML from a proxy, or half an answer
            if answer.body.lstrip()[:1] == b"<":
                self.oddities.add("not_theirs")
            raise VindiUnavailable("not JSON") from error
        if (said := server_time(answer.headers)) is not None:
            self._clock.note(said, at=answer.came)
        return content

    async def _raise_for(self, answer: _Answer, resource: str) -> None:
        if 400 <= answer.status < 500 and answer.status not in (408, 429):
            said = _refusal(answer)
            if said is None:
                self.oddities.add("not_theirs")
                raise VindiUnavailable("a refusal in somebody else's words")
        else:
            said = {}
        match answer.status:
            case 200 | 404:
                return
            case 401:
                raise VindiKeyRefused
            case 402:
                raise VindiAccountBlocked
            case 403:
                raise VindiProfileTooNarrow(resource)
            case 429:
                wait = retry_after(answer.headers, default=DEFAULT_BLOCK, longest=LONGEST_BLOCK)
                await self._budget.block(self.account, wait)
                raise VindiBusy(wait)
            case status if 400 <= status < 500 and status != 408:
                raise VindiRequestRefused(status, resource, said)
            case status:
                raise VindiUnavailable(f"status {status}")


def _refusal(answer: _Answer) -> dict[str, Any] | None:
    """The body of a refusal in one of Vindi's two shapes (section 2.2); None for anybody else's.

    A firewall, a captive portal or a proxy on the way answers in HTML or with nothing: that says
    nothing about keys, profiles or bills.
    """
    try:
        body = read_json(answer.body)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    bare = isinstance(body.get("id"), str) and "message" in body
    return body if bare or isinstance(body.get("errors"), list) else None


def _row(resource: Resource[T], row: object) -> Read[T] | Unreadable:
    raw = row if isinstance(row, dict) else {}
    try:
        return Read(raw=raw, value=resource.read(row))
    except UnreadableBillError as error:
        return Unreadable(raw=raw, id=id_in(raw), problem=error.problem)
    except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        # A shape that no reader foresaw is that row's trouble, and no other's of its page.
        log.warning("row_unforeseen", resource=resource.path, error=type(error).__name__)
        return Unreadable(raw=raw, id=id_in(raw), problem="a shape nobody foresaw")


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
