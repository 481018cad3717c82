"""Erases one customer of one tenant, batch by batch, and again when more arrives (LGPD, art. 18).

A step is one transaction that does a batch and writes down how far it is: however a worker ends,
nothing is done by halves and nothing is left out. First is found who is meant, then what names
them goes from texts, then from the rows that said so. Once it is done it is looked again every
some hours whether Vindi brought something back that no sale needs.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.commands.privacy.bare_rows import BATCH, LawTerms, bare_sales
from shared.commands.privacy.beside import APART, Beside
from shared.commands.privacy.whose import Whose, numbers_by_document, sales_page, words_in
from shared.commands.privacy.whose_events import find_theirs
from shared.crypto import columns
from shared.crypto.columns import DOCUMENT_WORD
from shared.crypto.seal import Sealer
from shared.crypto.tokens import new_erasure_id
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.privacy import erase_rows, erase_texts, erasures_store, person_read
from shared.db.privacy.erase_texts import HistoryLine
from shared.db.privacy.erasures_store import Erasure
from shared.db.privacy.person_read import BEFORE_ALL, NO_EVENT, PersonPage
from shared.db.tenants import audit_store, tenants_store
from shared.domain.ids import BillId, CustomerId, TenantId
from shared.domain.moment import local_day
from shared.domain.party import normalise_document
from shared.domain.privacy.bare import without_words
from shared.domain.privacy.terms import FISCAL_YEARS
from shared.domain.privacy.who import NOBODY, Who, mentions

LOOK_AGAIN: Final = timedelta(hours=6)
# What is new or changes is found by indexes; what an import of older sales brought, by a walk
# through all, each week.
WHOLE_EVERY: Final = 28
AFTER_FAILURE: Final = timedelta(minutes=1)
PAGE: Final = 5000  # rows walked by key
EVENTS: Final = 1000
TEXTS: Final = 200  # sales whose histories are looked through at once
MOST_CUSTOMERS: Final = 200  # of one document
MOST_KEPT: Final = 2000  # that a report names; of one customer


class Subject(Struct, frozen=True, kw_only=True):
    """Who is meant: Vindi's number of a customer, or a CPF or CNPJ in whatever writing."""

    customer_id: CustomerId | None = None
    document: str | None = None


class ErasureAsked(Struct, frozen=True, kw_only=True):
    """Who asks, by which ticket of the desk, and why."""

    ticket: str
    reason: str
    by: str


async def ask_erasure(
    conn: Connection, sealer: Sealer, tenant: TenantId, subject: Subject, asked: ErasureAsked
) -> Erasure:
    """Write down what is asked for, in the caller's transaction; the work begins by itself.

    The audit gets ticket and reason, and nothing of the person.
    """
    words = document_words(sealer, tenant, subject)
    customers = [] if subject.customer_id is None else [subject.customer_id]
    if words:
        customers += await numbers_by_document(conn, sealer, tenant, words, limit=MOST_CUSTOMERS)
    erasure_id = new_erasure_id()
    erasure = await erasures_store.add(
        conn,
        tenant,
        erasure_id,
        ticket=asked.ticket,
        reason=asked.reason,
        by=asked.by,
        now=await clock.now(conn),
        customers=list(dict.fromkeys(customers)),
        document_word=words[0] if words else None,
        who=_sealed(sealer, tenant, erasure_id, asked_for(subject)) if words else None,
    )
    detail = {"erasure_id": erasure.id, "ticket": asked.ticket, "reason": asked.reason}
    await audit_store.add(conn, tenant, actor=asked.by, action="customer_erasure", detail=detail)
    return erasure


def document_words(sealer: Sealer, tenant: TenantId, subject: Subject) -> list[bytes]:
    """The words by which sales with the subject's document are found; none without one."""
    return words_of(sealer, tenant, asked_for(subject))


def asked_for(subject: Subject) -> Who:
    """What an asking itself says of whom it means."""
    bare = normalise_document(subject.document or "")
    return Who(documents=(bare,)) if bare else NOBODY


def words_of(sealer: Sealer, tenant: TenantId, who: Who) -> list[bytes]:
    """The words of their documents, of each key while keys change."""
    return [
        word
        for document in who.documents
        for word in sealer.words(document, tenant=tenant, purpose=DOCUMENT_WORD)
    ]


def _sealed(sealer: Sealer, tenant: TenantId, erasure: str, who: Who) -> bytes:
    return columns.ERASED_WHO.seal(sealer, tenant, msgspec.json.encode(who), erasure)


async def step_erasure(
    pool: Pool, sealer: Sealer, tenant: TenantId, erasure: str, *, years: int = FISCAL_YEARS
) -> bool:
    """Do the next batch; False where there was nothing to do for us."""
    async with pool.acquire() as conn, conn.transaction():
        taken = await erasures_store.take(conn, tenant, erasure)
        if taken is None:
            return False
        now = await clock.now(conn)
        step = _Step(conn=conn, sealer=sealer, years=years, now=now)
        begun = taken if taken.state == "running" else _begun(taken, now)
        after = await step.take(begun)
        await erasures_store.save(conn, replace(after, failures=0))
        if after.state == "completed" and taken.runs == 0:
            detail = {"erasure_id": after.id, "ticket": after.ticket, "erased": after.erased}
            await audit_store.add(
                conn, tenant, actor="reconciler", action="customer_erased", detail=detail
            )
    return True


async def put_off_erasure(pool: Pool, tenant: TenantId, erasure: str) -> None:
    """A step failed: try again a little later, for ever."""
    async with pool.acquire() as conn:
        again = await clock.now(conn) + AFTER_FAILURE
        await erasures_store.put_off(conn, tenant, erasure, again)


def _begun(erasure: Erasure, now: datetime) -> Erasure:
    """A run from the start; a later one looks at what came since the one before began."""
    return replace(
        erasure,
        state="running",
        phase="bills" if erasure.runs % WHOLE_EVERY else "sales",
        after_bill=0,
        after_at=None,
        after_event=None,
        since=None if erasure.began_at is None else erasure.began_at - APART,
        began_at=now,
    )


class Sought(Who, frozen=True, kw_only=True):
    """What they are called; `grew` while events were read, so that these are read once more."""

    grew: bool = False


class _Step(NamedTuple):
    conn: Connection
    sealer: Sealer
    years: int
    now: datetime

    async def take(self, at: Erasure) -> Erasure:
        match at.phase:
            case "sales":
                return await self._find_in_sales(at)
            case "bills":
                return await self._find_in_bills(at)
            case "words":
                return await self._learn_words(at)
            case "events":
                return await self._forget_events(at)
            case "texts":
                return await self._clean_texts(at)
            case "rows":
                return await self._bare_rows(at)

    async def _find_in_sales(self, at: Erasure) -> Erasure:
        page = await sales_page(
            self.conn,
            self.sealer,
            at.tenant_id,
            after=at.after_bill,
            customers=at.customers,
            words=words_of(self.sealer, at.tenant_id, self._who(at)),
            limit=PAGE,
        )
        return _found(at, page, then="bills")

    async def _find_in_bills(self, at: Erasure) -> Erasure:
        if at.since is not None and at.runs % WHOLE_EVERY:
            new = await person_read.bills_lately(self.conn, at.tenant_id, at.customers, at.since)
            return _found(at, PersonPage(bills=tuple(new), customers=(), last=None), then="words")
        page = await person_read.in_bills(
            self.conn, at.tenant_id, after=at.after_bill, customers=at.customers, limit=PAGE
        )
        return _found(at, page, then="words")

    async def _learn_words(self, at: Erasure) -> Erasure:
        batch, after = _batch(at, BATCH)
        whose = self._whose(at)
        who = whose.who
        for sale in await person_read.sales_of(self.conn, at.tenant_id, batch):
            who = who.joined(words_in(self.sealer, at.tenant_id, sale, whose))
        return _next(self._called(at, who), after, then="events")

    async def _forget_events(self, at: Erasure) -> Erasure:
        page = await person_read.events_after(
            self.conn,
            at.tenant_id,
            at.after_at or at.since or BEFORE_ALL,
            at.after_event or NO_EVENT,
            customers=at.customers,
            limit=EVENTS,
        )
        found = find_theirs(self.sealer, at.tenant_id, page, self._whose(at), frozenset(at.bills))
        gone = await erase_rows.forget_events(self.conn, at.tenant_id, found.events)
        bills = sorted({*at.bills, *found.passed})
        at = self._called(replace(at, bills=bills), self._who(at).joined(found.who))
        if len(page) == EVENTS:
            last = page[-1]
            moved = replace(at, after_at=last.received_at, after_event=last.event_id)
            return _counted(moved, events=gone)
        if self._sought(at).grew:
            # What was learned on the way may stand in events that were passed by.
            again = replace(at, after_at=None, after_event=None)
            return _counted(self._called(again, self._who(at), grew=False), events=gone)
        # Some were heard long ago of bills that became known to be theirs just now.
        gone += await erase_rows.forget_events_of(self.conn, at.tenant_id, at.bills, at.customers)
        return _counted(replace(at, phase="texts", after_bill=0), events=gone)

    async def _clean_texts(self, at: Erasure) -> Erasure:
        conn, tenant, words = self.conn, at.tenant_id, self._who(at).words
        batch, after = _batch(at, TEXTS)
        if at.after_bill == 0:
            at = await self._clean_once(at, words)
        told = await erase_texts.told_of(conn, tenant, batch)
        clean = [
            HistoryLine(
                bill_id=one.bill_id, entry_id=one.entry_id, why=without_words(one.why, words)
            )
            for one in told
            if mentions(one.why, words)
        ]
        await erase_texts.tell(conn, tenant, clean)
        sales = await person_read.sales_of(conn, tenant, batch)
        whole = [one.bill_id for one in sales if self._whose(at).has_whole(one)]
        examples = await erase_texts.forget_unknown_denials(conn, tenant, whole)
        blanked = await self._blank(at, batch, words)
        naming = [sale.bill_id for sale in sales if mentions(sale.detail, words)]
        told_of = len(clean) + await erase_texts.blank_details(conn, tenant, naming)
        counted = _counted(at, timeline=told_of, unknown_denials=examples, bulk_jobs=blanked)
        return _next(counted, after, then="rows")

    async def _clean_once(self, at: Erasure, words: Sequence[str]) -> Erasure:
        """The last look at the words before they are gone."""
        beside = Beside(
            conn=self.conn,
            sealer=self.sealer,
            words=words,
            documents=words_of(self.sealer, at.tenant_id, self._who(at)),
        )
        filters = await beside.forget_filters(at.tenant_id)
        reasons = await beside.clean_reasons(at.tenant_id)
        reasons["unknown_denials"] = await beside.forget_denials(at.tenant_id)
        typed_at = await beside.in_audit(at)
        told = await beside.clean_histories(at.tenant_id, typed_at)
        counted = _counted(at, saved_filters=filters, timeline=told, **reasons)
        return replace(counted, kept=await beside.kept(at, audited=len(typed_at)))

    async def _blank(self, at: Erasure, batch: Sequence[BillId], words: Sequence[str]) -> int:
        """What was typed or told of actions for many sales, also of those under way."""
        jobs = await erase_texts.jobs_of(self.conn, at.tenant_id) if at.after_bill == 0 else []
        naming = [one.key for one in jobs if mentions(one.text, words)]
        refusals = await erase_texts.refusals_of(self.conn, at.tenant_id, batch)
        refused = [(one.key, one.bill_id) for one in refusals if mentions(one.text, words)]
        blanked = await erase_texts.blank_jobs(self.conn, at.tenant_id, naming)
        return blanked + await erase_texts.blank_refusals(self.conn, at.tenant_id, refused)

    async def _bare_rows(self, at: Erasure) -> Erasure:
        batch, after = _batch(at, BATCH)
        bared = await bare_sales(
            self.conn,
            self.sealer,
            at.tenant_id,
            batch,
            await self._terms(at.tenant_id),
            self._whose(at),
        )
        if any(bared.rows.values()):  # what was read for a file before has them still
            files = await erase_rows.forget_month_files(self.conn, at.tenant_id)
            at = _counted(at, month_files=files)
        new = [
            {
                "bill_id": one.bill_id,
                "why": one.why,
                "until": one.until.isoformat() if one.until else None,
                "notas": list(one.notas),
            }
            for one in bared.kept
        ]
        # Each is told as it is now, the others as the run before left them.
        looked_at = frozenset(batch)
        before = [one for one in at.kept if one.get("bill_id") not in looked_at]
        counted = _counted(replace(at, kept=[*before, *new][:MOST_KEPT]), **bared.rows)
        if after is not None:
            return replace(counted, after_bill=after)
        # Who it is is known for as long as something waits to be taken out of it.
        is_open = any(one.get("why") == "open" for one in counted.kept)
        return replace(
            counted,
            state="completed",
            runs=at.runs + 1,
            who=at.who if is_open else None,
            document_word=None,
            completed_at=at.completed_at or self.now,
            turn_at=self.now + LOOK_AGAIN,
        )

    async def _terms(self, tenant: TenantId) -> LawTerms:
        found = await tenants_store.get(self.conn, tenant)
        zone = ZoneInfo(found.timezone if found else "UTC")
        return LawTerms(today=local_day(self.now, zone), years=self.years)

    def _whose(self, at: Erasure) -> Whose:
        return Whose(customers=frozenset(at.customers), who=self._who(at))

    def _who(self, at: Erasure) -> Who:
        return NOBODY.joined(self._sought(at))

    def _sought(self, at: Erasure) -> Sought:
        if at.who is None:
            return Sought()
        plain = columns.ERASED_WHO.open(self.sealer, at.tenant_id, at.who, at.id)
        return msgspec.json.decode(plain, type=Sought)

    def _called(self, at: Erasure, who: Who, *, grew: bool | None = None) -> Erasure:
        """What they are called from now on, and whether that grew while events were read."""
        before = self._sought(at)
        if grew is None:
            more = at.phase == "events" and who != NOBODY.joined(before)
            grew = before.grew or more
        sought = Sought(**{name: getattr(who, name) for name in who.__struct_fields__}, grew=grew)
        return replace(at, who=_sealed(self.sealer, at.tenant_id, at.id, sought))


def _found(at: Erasure, page: PersonPage, *, then: erasures_store.ErasurePhase) -> Erasure:
    bills = list(dict.fromkeys([*at.bills, *page.bills]))
    customers = list(dict.fromkeys([*at.customers, *page.customers]))
    more = replace(at, bills=sorted(bills), customers=customers)
    if page.last is not None:
        return replace(more, after_bill=page.last)
    if at.phase == "sales" and len(customers) > len(at.customers):
        return replace(more, after_bill=0)  # a number that was new may be on earlier pages too
    return replace(more, phase=then, after_bill=0)


def _batch(at: Erasure, size: int) -> tuple[list[BillId], int | None]:
    """The next bills, and where to go on behind them; None after the last."""
    rest = [bill for bill in at.bills if bill > at.after_bill]
    return rest[:size], rest[size - 1] if len(rest) > size else None


def _next(at: Erasure, after: int | None, *, then: erasures_store.ErasurePhase) -> Erasure:
    if after is not None:
        return replace(at, after_bill=after)
    return replace(at, phase=then, after_bill=0)


def _counted(at: Erasure, **rows: int) -> Erasure:
    counts = dict(at.erased)
    for table, count in rows.items():
        if count:
            counts[table] = counts.get(table, 0) + count
    return replace(at, erased=counts)
