"""A company's list of notas, by whichever question a Gateway takes (enotas-api, section 3.3).

Filter and order are documented by examples that disagree with each other, and nobody has said how
long a page may be, or what becomes of a question that is not understood.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote

import structlog
from msgspec import Struct
from yarl import URL

from shared.domain.errors import TransientError
from shared.issuer.enotas import payloads
from shared.issuer.enotas.transport import EnotasAnswer, Transport
from shared.issuer.errors import IssuerCompanyUnknown, IssuerUnavailable
from shared.issuer.interface import PAGE_PATIENCE, Snapshot

log = structlog.get_logger()

PAGE_SIZE: Final = 100
# Seconds before a page that failed is asked for again, for as long as a reading has patience.
PAGE_WAITS: Final = (0.5, 1.0, 2.0, *(4.0,) * 13)
# Who has somebody waiting gives up a first try that hangs: most pages come within a second.
PAGE_HANGS: Final = timedelta(seconds=8)
_ROUND: Final = 10
MOST_PAGES: Final = 20_000  # of one walk: two million notas
NOT_UNDERSTOOD: Final = frozenset({400, 422})
NEVER: Final = datetime.min.replace(tzinfo=UTC)  # of what does not say when it was created


class Question(Struct, frozen=True, kw_only=True):
    """How a list is asked for; None: not said."""

    sort_by: str | None
    stamps: Literal["zone", "local"] | None  # how the filter writes its instants


# As documented first, then as other clients write it, then without what may be refused.
QUESTIONS: Final = (
    Question(sort_by="data_criacao", stamps="zone"),
    Question(sort_by="data_criacao", stamps="local"),
    Question(sort_by="datacriacao", stamps="zone"),
    Question(sort_by=None, stamps="zone"),
    Question(sort_by=None, stamps=None),
)


class _NotUnderstood(Exception):
    """The Gateway refuses a question for its form."""


class Lists:
    """Reads the list of one company, whose path of notas it is given."""

    def __init__(self, transport: Transport, notas: str) -> None:
        self._transport = transport
        self._notas = notas

    async def created(
        self, since: date, until: date, *, newest_first: bool, patience: timedelta = PAGE_PATIENCE
    ) -> AsyncIterator[Snapshot]:
        """Walk through the notas created on some UTC days; pages that shift repeat nothing.

        How many rows a page may have is not documented: when the first one holds fewer than asked
        for, so many are asked for. A page that fails is asked for again, `patience` long: a day of
        ten thousand notas is a hundred pages. A question that is refused is asked in another way.
        IssuerUnavailable when fewer came in all than there are, or no question is taken.
        """
        for question in QUESTIONS:
            walk = _Walk(self, question, since, until, newest_first=newest_first)
            try:
                async for snapshot in walk.rows(patience):
                    yield snapshot
            except _NotUnderstood:
                log.info("issuer_list_question_refused", sort=question.sort_by)
                continue
            return
        raise IssuerUnavailable("no list of notas is given")

    async def page(self, query: str, patience: timedelta) -> payloads.ListPage:
        """A page of a list, asked for again while patience lasts; the pages before it are not."""
        url = self._transport.url(f"{self._notas}?{query}")
        give_up = time.monotonic() + patience.total_seconds()
        hangs = PAGE_HANGS if patience > PAGE_PATIENCE else None
        for wait in PAGE_WAITS:
            try:
                return await self._read(url, hangs)
            except TransientError as error:  # 429 and our own limits too: they say until when
                asked = error.retry_after or timedelta()
                rest = max(wait, asked.total_seconds())
                if time.monotonic() + rest > give_up:
                    raise
            # Twice as long, then as long as it takes: one that is slow each time is read too.
            hangs = hangs * 2 if hangs == PAGE_HANGS else None
            await asyncio.sleep(rest)
        return await self._read(url)

    async def _read(self, url: URL, within: timedelta | None = None) -> payloads.ListPage:
        answer = await self._transport.read(url, within=within)
        if answer.status == 404:
            raise IssuerCompanyUnknown
        return _page_in(answer)


class _Walk:
    """One walk through all pages, by one question."""

    def __init__(
        self, lists: Lists, question: Question, since: date, until: date, *, newest_first: bool
    ) -> None:
        self._lists = lists
        self._question = question
        self._days = since, until
        self._newest_first = newest_first

    async def rows(self, patience: timedelta) -> AsyncIterator[Snapshot]:
        """What was created on the days, in the order asked for."""
        if self._question.sort_by is not None:
            async for snapshot in self._told(patience):
                yield snapshot
            return
        # In no order that was promised: of the days alone, which whoever asks counts on.
        kept = [one async for one in self._told(patience) if self._is_of_days(one)]
        kept.sort(key=lambda one: one.created_at or NEVER, reverse=self._newest_first)
        for snapshot in kept:
            yield snapshot

    def _is_of_days(self, snapshot: Snapshot) -> bool:
        if snapshot.created_at is None:
            return True
        since, until = self._days
        return since <= snapshot.created_at.date() <= until

    async def _told(self, patience: timedelta) -> AsyncIterator[Snapshot]:
        seen: set[str] = set()
        size, rows, done = PAGE_SIZE, 0, False
        for number in range(MOST_PAGES):
            try:
                page = await self._lists.page(self._query(number, size), patience)
            except _NotUnderstood:
                if number:
                    raise IssuerUnavailable("a page is refused") from None
                raise
            total = page.total
            if number == 0 and total is None and not page.snapshots:
                raise IssuerUnavailable("not a list of notas")  # anybody's empty answer
            capped = number == 0 and _looks_capped(page.rows, total)
            if capped or (
                number == 0 and 0 < page.rows < min(size, size if total is None else total)
            ):
                # Somebody may count pages by the size asked for: those of the size given, then.
                size = page.rows
            told = {one.issuer_id.lower(): one for one in page.snapshots}  # a page may repeat one
            fresh = [one for issuer_id, one in told.items() if issuer_id not in seen]
            seen.update(told)
            rows += page.rows - len(page.snapshots) + len(fresh)
            for snapshot in fresh:
                yield snapshot
            if total is None and not page.rows:
                return  # a list that does not say how long it is ends with an empty page
            # What is said of a page as full as may be could be the total of that page alone.
            done = total is not None and rows >= total >= page.rows
            if total is not None and done and (page.rows < size or page.rows < total):
                return
            if not page.rows or not (fresh or page.rows > len(page.snapshots)):
                break
        if not done:
            raise IssuerUnavailable("a list without its end")

    def _query(self, number: int, size: int) -> str:
        asked = [f"pageNumber={number}", f"pageSize={size}"]
        if self._question.sort_by is not None:
            direction = "desc" if self._newest_first else "asc"
            asked += [f"sortBy={self._question.sort_by}", f"sortDirection={direction}"]
        if self._question.stamps is not None:
            chosen = payloads.created_filter(*self._days, zone=self._question.stamps == "zone")
            asked.append(f"filter={quote(chosen, safe='')}")
        return "&".join(asked)


def _looks_capped(rows: int, total: int | None) -> bool:
    """Say whether a page that is all there is by its own total may be one of several.

    Nobody has said that a Gateway does not cap its pages, nor that it counts more than what is on
    them. Caps are round numbers, so that only a list of so many notas costs a page more.
    """
    return rows == total and 0 < rows < PAGE_SIZE and rows % _ROUND == 0


def _page_in(answer: EnotasAnswer) -> payloads.ListPage:
    if answer.status in NOT_UNDERSTOOD:
        raise _NotUnderstood
    try:
        return payloads.read_list(answer.json())
    except ValueError:
        raise IssuerUnavailable("not a list of notas") from None
