"""Writes plans and answers: all of a batch in one commit, fenced by the leases."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import asyncpg
import structlog
from msgspec import Struct
from msgspec.structs import replace

from services.emitter.counted import count_answers, count_plans
from services.emitter.one_by_one import hold_failed
from services.emitter.planning.answers import Answer
from services.emitter.planning.sale_after import Answered, sale_after
from services.emitter.planning.waits import back_off
from services.emitter.stopping.brakes import apply_brakes
from services.emitter.stopping.locks import Standing, give_back_moved, hold_standing
from services.emitter.stopping.numbering import hold_without_number, number_notas
from services.emitter.work import Act, Plan, Rest, Send, settle
from shared.db import clock
from shared.db.away import database_away
from shared.db.connection import Connection, Pool
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import Before
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import Entry
from shared.db.sales import (
    intents_store,
    notas_store,
    sale_parts_store,
    sales_store,
    substitutions_store,
    timeline_store,
    unknown_denials_store,
)
from shared.db.sales.notas_store import KnownNota, NotaUpdate
from shared.db.sales.unknown_denials_store import Met
from shared.db.tenants import brakes_store, standing_read
from shared.db.tenants.standing_read import StandingRead
from shared.db.vindi import bills_store
from shared.domain.ids import BillId, TenantId
from shared.domain.moment import month_of
from shared.domain.nota import IN_FLIGHT, NotaStatus
from shared.domain.sale import SaleStatus

log = structlog.get_logger()

_Item = TypeVar("_Item", Rest | Act, Answered)


async def write_plans(
    pool: Pool, tenant: TenantId, basis: Standing, plans: Sequence[Plan]
) -> list[Plan]:
    """Commit plans and return those that were written; the rest lost their lease meanwhile.

    Acts come back with their notas as they then are. No request is planned to leave for a sale of
    which there was news since it was claimed, and none at all where the tenant is not what it was:
    those are decided again.
    """

    async def together(some: Sequence[Plan]) -> list[Plan]:
        async with pool.acquire() as conn, conn.transaction():
            now = await hold_standing(conn, tenant, some, basis)
            ours = await _mine(conn, tenant, some)
            if ours.at is None:
                return []
            wanted = give_back_moved(ours.items, basis=basis, now=now, moved=ours.moved)
            wanted = await hold_without_number(conn, tenant, wanted)
            wanted = await apply_brakes(conn, tenant, wanted)
            wanted = await number_notas(conn, tenant, wanted, ours.at)
            before = await _before(conn, tenant, [one for one in wanted if one.sale], ours)
            written = await _plans(conn, tenant, wanted, before, ours.at)
        count_plans(written)
        return written

    return await _each_if_not_all(pool, tenant, plans, together)


async def write_answers(
    pool: Pool, tenant: TenantId, answers: Sequence[Answered]
) -> list[Answered]:
    """Commit what was answered, and what that makes of each sale by its notas as they then are.

    Returns those that were written, with these notas; the rest lost their lease meanwhile, or was
    to be sent again and may not be any more.
    """

    async def together(some: Sequence[Answered]) -> list[Answered]:
        async with pool.acquire() as conn, conn.transaction():
            standing = await _hold_for_repeats(conn, tenant, some)
            ours = await _mine(conn, tenant, some)
            if ours.at is None:
                return []
            told = [one for one in ours.items if not _is_overtaken(one, standing, ours.moved)]
            learnt = [one for one in told if one.last.learnt]
            before = await _before(conn, tenant, learnt, ours)
            written, moments = await _answers(conn, tenant, told, before, ours.at)
        count_answers(written, moments, ours.at)
        return written

    return await _each_if_not_all(pool, tenant, answers, together)


async def _hold_for_repeats(
    conn: Connection, tenant: TenantId, some: Sequence[Answered]
) -> StandingRead | None:
    """How the tenant stands, kept so until the transaction ends; None where nothing leaves again.

    Asked before the rows of the outbox are locked, as by those who change a tenant's set-up.
    """
    if not any(one.last.leaves_again for one in some):
        return None
    return await standing_read.hold(conn, tenant)


def _is_overtaken(one: Answered, standing: StandingRead | None, moved: Collection[BillId]) -> bool:
    """Whether what was to be sent again may not leave any more, by what was committed since."""
    if standing is None or not one.last.leaves_again:
        return False
    nota = one.last.asked
    if one.entry.bill_id in moved or not standing.terms.issuing:
        return True
    if nota.status is NotaStatus.CANCELLING:  # in a locked month, and where it was born, too
        return False
    return month_of(nota.competencia) in standing.terms.locked_months or nota.connection_id not in (
        None,
        standing.connection_id,
    )


async def _each_if_not_all(
    pool: Pool,
    tenant: TenantId,
    items: Sequence[_Item],
    together: Callable[[Sequence[_Item]], Awaitable[list[_Item]]],
) -> list[_Item]:
    """Write all in one commit, or each in its own where the database refuses that.

    A row it refuses fails alone. A second live nota is tried again later; a sale that cannot be
    written at all is held for that.
    """
    if not items:
        return []
    try:
        return await together(items)
    except asyncpg.TransactionRollbackError as error:  # two transactions in each other's way
        log.warning("batch_rolled_back", tenant_id=tenant, error=type(error).__name__)
        return await together(items)
    except Exception as error:
        if database_away(error):
            raise
        log.error("batch_refused", tenant_id=tenant, error=type(error).__name__)  # noqa: TRY400 - see below
    written = []
    for item in items:
        try:
            written += await together([item])
        except asyncpg.UniqueViolationError as error:
            # Not the exception's text: the driver quotes the values it refuses, names among them.
            log.error(  # noqa: TRY400
                "sale_refused",
                tenant_id=tenant,
                bill_id=item.entry.bill_id,
                error=type(error).__name__,
            )
            await _put_off(pool, tenant, item.entry)
        except Exception as error:
            if database_away(error):
                raise
            await hold_failed(pool, tenant, item.entry, error, "written")
    return written


async def _put_off(pool: Pool, tenant: TenantId, entry: Entry) -> None:
    async with pool.acquire() as conn, conn.transaction():
        now = await clock.now(conn)
        later = settle(entry, due_at=back_off(entry.tries + 4, now), failed=True)
        await outbox_store.settle(conn, tenant, [later], now=now)


class _Ours(Struct, Generic[_Item], frozen=True, kw_only=True):
    """What is leased to us still, and of which of them there was news since."""

    items: list[_Item]
    moved: set[BillId]
    at: datetime | None  # when the transaction began, by the database's clock; None without items
    told_on: bool  # other systems want to hear of the tenant's sales


async def _mine(conn: Connection, tenant: TenantId, items: Sequence[_Item]) -> _Ours[_Item]:
    leased = await outbox_store.lock_ours(conn, tenant, [item.entry for item in items])
    mine = [
        item
        for item in items
        if (row := leased.get(item.entry.bill_id)) is not None and row.is_of(item.entry)
    ]
    entries = [item.entry for item in mine]
    return _Ours(
        items=mine,
        moved={e.bill_id for e in entries if leased[e.bill_id].generation != e.generation},
        at=leased[entries[0].bill_id].now if entries else None,
        told_on=bool(entries) and leased[entries[0].bill_id].told_on,
    )


async def _before(
    conn: Connection,
    tenant: TenantId,
    changing: Sequence[Rest | Act | Answered],
    ours: "_Ours[_Item]",
) -> Before:
    """How sales stand that are about to change; nothing where nobody wants to hear of it."""
    if not changing or not ours.told_on:
        return {}
    bills = [one.entry.bill_id for one in changing]
    return await status_webhooks_store.before(conn, tenant, bills)


async def _plans(
    conn: Connection, tenant: TenantId, plans: list[Plan], before: Before, now: datetime
) -> list[Plan]:
    await bills_store.store(conn, tenant, [plan.read for plan in plans if plan.read])
    await sales_store.store(conn, tenant, [plan.sale for plan in plans if plan.sale])
    rows = await _intents(conn, tenant, [plan for plan in plans if isinstance(plan, Act)], now)
    await status_webhooks_store.announce(conn, tenant, before)
    await timeline_store.add(conn, tenant, [told for plan in plans for told in plan.happenings])
    rests = [plan.settlement for plan in plans if isinstance(plan, Rest)]
    if rests:
        await outbox_store.settle(conn, tenant, rests, now=now)
    return [_as_written(plan, rows.get(plan.entry.bill_id, [])) for plan in plans]


async def _intents(
    conn: Connection, tenant: TenantId, acts: Sequence[Act], now: datetime
) -> dict[BillId, list[KnownNota]]:
    """Write what acts are about to ask for; returns the notas that changed, by bill."""
    sends = [act.action for act in acts if isinstance(act.action, Send)]
    divisions = {send.intent.bill_id: send.division for send in sends if send.division is not None}
    await sale_parts_store.divide(conn, tenant, divisions)
    rows = await intents_store.write_intents(conn, tenant, [send.intent for send in sends])
    if len(rows) < len(sends):
        raise asyncpg.UniqueViolationError("a live nota stands under this revision")
    updates = [(update, act.notas.newest[update.part]) for act in acts for update in act.updates]
    return _by_bill([*rows, *await notas_store.update(conn, tenant, updates, now=now)])


def _as_written(plan: Plan, rows: list[KnownNota]) -> Plan:
    if isinstance(plan, Rest):
        return plan
    return replace(plan, notas=plan.notas.once(rows))


async def _answers(
    conn: Connection, tenant: TenantId, some: list[Answered], before: Before, now: datetime
) -> tuple[list[Answered], dict[BillId, datetime]]:
    """Write answers; returns them with their notas, and the moments of the sales that changed."""
    some = await _notas(conn, tenant, some, now)
    await _count_unknown(conn, tenant, some)
    after = [sale_after(one, one.notas) for one in some]
    progress = [one.progress for one in after if one.progress]
    denied = [one.bill_id for one in progress if one.status is SaleStatus.DENIED]
    # What happened to a bill while its nota was on its way counts now that there is none.
    again = await sales_store.spoken_of(conn, tenant, denied)
    moments = await sales_store.progress(conn, tenant, progress)
    await status_webhooks_store.announce(conn, tenant, before)
    await timeline_store.add(conn, tenant, [told for one in after for told in one.happenings])
    settlements = [
        replace(done, due_at=now) if done.bill_id in again else done
        for done in (one.settlement for one in after)
        if done is not None
    ]
    if settlements:
        await outbox_store.settle(conn, tenant, settlements, now=now)
    return some, moments


async def _count_unknown(conn: Connection, tenant: TenantId, some: Sequence[Answered]) -> None:
    """Count refusals that the catalogue does not know, so that it can grow."""
    denied = [one for one in some if _is_unknown(one.last)]
    if denied:
        met = [
            _met(one.last.update, one.last.unknown) for one in denied if one.last.update is not None
        ]
        await unknown_denials_store.count(conn, tenant, met, denied[0].now)


def _is_unknown(answer: Answer) -> bool:
    return answer.denied is not None and not answer.denied.in_catalogue and answer.what is not None


def _met(update: NotaUpdate, text: bytes | None) -> Met:
    return Met(
        denial_group=update.cause,
        bill_id=update.bill_id,
        reason=text,
        count=1,
    )


async def _notas(
    conn: Connection, tenant: TenantId, some: list[Answered], now: datetime
) -> list[Answered]:
    """Write what is known of notas now; returns all with their notas as they then are.

    But those whose nota is not there: the database is an older copy, the row of the outbox was made
    anew, and has by chance the same attempt. Whoever has it now finds the nota at the issuer.
    """
    withdrawn = [one for one in some if one.last.withdraw]
    never_sent = await intents_store.withdraw_intents(
        conn, tenant, [(one.entry.bill_id, one.last.asked.part) for one in withdrawn]
    )
    past = {one.entry.bill_id for one in withdrawn if one.entry.of_past}
    await brakes_store.uncount(conn, tenant, never_sent, past)
    updates = [(one.last.update, one.last.asked) for one in some if one.last.update]
    news = [(one.last.asked, one.now) for one in some if one.last.unexplained]
    rows = _by_bill(
        [
            *await notas_store.update(conn, tenant, updates, now=now),
            *await notas_store.note_news(conn, tenant, news),
        ]
    )
    ended = [bill for bill, found in rows.items() if any(map(_ends_substitution, found))]
    await substitutions_store.end_substitutions(conn, tenant, ended)
    others = [
        one
        for one in some
        if one.last.learnt and (one.entry.bill_id in ended or not _is_all(one, rows))
    ]
    if not others:
        return [_with_notas(one, rows, None) for one in some]
    stale = {one.entry.bill_id for one in others}
    again = await notas_store.load_newest(conn, tenant, list(stale))
    return [
        _with_notas(one, rows, again if one.entry.bill_id in stale else None)
        for one in some
        if one.last.update is None or one.entry.bill_id not in stale or _is_there(one, again)
    ]


def _is_there(one: Answered, found: dict[BillId, list[KnownNota]]) -> bool:
    return any(nota.part == one.last.asked.part for nota in found.get(one.entry.bill_id, ()))


def _ends_substitution(nota: KnownNota) -> bool:
    """Say whether a nota that was to take the place of another has its end: one of both stands."""
    return nota.substitutes is not None and nota.status not in IN_FLIGHT


def _is_all(one: Answered, rows: dict[BillId, list[KnownNota]]) -> bool:
    """Say whether the row that changed is all there is of the sale."""
    return len(one.notas.shares) == 1 and one.entry.bill_id in rows


def _with_notas(
    one: Answered,
    rows: dict[BillId, list[KnownNota]],
    again: dict[BillId, list[KnownNota]] | None,
) -> Answered:
    bill = one.entry.bill_id
    if again is None:
        return replace(one, notas=one.notas.once(rows.get(bill, ())))
    newest = {nota.part: nota for nota in again.get(bill, ())}
    known = replace(one, notas=replace(one.notas, newest=newest))
    if one.last.update is not None and bill not in rows:  # the nota's own row knew better
        return known.knew_better()
    return known


def _by_bill(rows: Iterable[KnownNota]) -> dict[BillId, list[KnownNota]]:
    found: dict[BillId, list[KnownNota]] = defaultdict(list)
    for row in rows:
        found[row.bill_id].append(row)
    return found
