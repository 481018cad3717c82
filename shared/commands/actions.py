"""What a person asks for sales: checked against their state, written down, made due.

Panel and internal API both come through here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.commands.company import try_company
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.outbox import outbox_store
from shared.db.outbox.outbox_store import LIVE, Lane, Mark
from shared.db.sales import sale_actions_store, timeline_store
from shared.db.sales.sale_actions_store import LockedSale, Said
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import audit_store, rules_store, tenants_store
from shared.domain.actions import Refusal, SaleAction, WishChange, judge, possible
from shared.domain.denials import may_be_company
from shared.domain.ids import BillId, TenantId
from shared.domain.money import Cents
from shared.domain.part_actions import PartChange, judge_part, judge_substitute
from shared.domain.parts import WHOLE
from shared.domain.sale import SaleStatus
from shared.domain.shadow import IN_SHADOW
from shared.domain.spoken import reais
from shared.run.waker import Waker

SALE_UNKNOWN: Final = "sale_unknown"
NOT_DECIDED: Final = "not_decided"
WITHOUT_DOCUMENT: Final = "sem CPF ou CNPJ, só nesta venda"
ONE_WISH: Final = timedelta(hours=1)  # the same said again within it is the same wish
BATCH: Final = 500  # sales locked at once; more would keep workers waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what, and why; `by` is a person's or a token's name."""

    action: SaleAction
    reason: str
    by: str
    amount: str | None = None  # what the nota is for, where that is a question: see AmountChoice
    today: bool = False  # to issue: dated the day it is sent, in whichever month that is
    part: int | None = None  # of one nota of a divided sale; None: of the sale
    substitute: bool = False  # with `issue`: another is to take the place of a valid one
    lane: Lane = LIVE  # of what is decided again; thousands at once stand behind today's sales
    without_document: bool = False  # with `issue`: of this sale alone, where it is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRefused:
    """A sale whose state forbids the action, and the stable word that says why.

    `status` and `since` are None for a bill that nothing was decided about.
    """

    bill_id: BillId
    code: str
    missing: tuple[str, ...] = ()
    status: SaleStatus | None = None
    since: datetime | None = None
    possible: tuple[SaleAction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOutcome:
    """How many sales the action was accepted for, and those it was not."""

    accepted: int
    refused: tuple[ActionRefused, ...]
    of_company: bool = False  # one is sent again whose refusal may have stopped the company


async def act(
    pool: Pool, waker: Waker, tenant: TenantId, bills: Sequence[BillId], asked: Asked
) -> ActionOutcome:
    """Ask for an action on sales; each is accepted or refused by itself. Safe to repeat."""
    accepted = 0
    refused: list[ActionRefused] = []
    distinct = list(dict.fromkeys(bills))
    for start in range(0, len(distinct), BATCH):
        batch = distinct[start : start + BATCH]
        async with pool.acquire() as conn, conn.transaction():
            outcome = await act_within(conn, tenant, batch, asked)
        if outcome.of_company:
            await try_company(pool, tenant)
        accepted += outcome.accepted
        refused += outcome.refused
        if outcome.accepted:
            await waker.ring()
    return ActionOutcome(accepted=accepted, refused=tuple(refused))


async def act_by_code(
    pool: Pool, waker: Waker, tenant: TenantId, code: str, asked: Asked
) -> ActionOutcome:
    """Ask for an action on every sale that carries a code now."""
    accepted = 0
    refused: list[ActionRefused] = []
    after = 0
    while True:
        async with pool.acquire() as conn:
            bills = await sale_actions_store.with_code(conn, tenant, code, after=after, limit=BATCH)
        if not bills:
            return ActionOutcome(accepted=accepted, refused=tuple(refused))
        outcome = await act(pool, waker, tenant, bills, asked)
        accepted += outcome.accepted
        refused += outcome.refused
        after = bills[-1]


async def act_within(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], asked: Asked
) -> ActionOutcome:
    """Ask for an action on at most BATCH sales, in the caller's transaction.

    After it `try_company` is due where the outcome says so, and the workers' bell.
    """
    shadow = asked.action in ("issue", "release") and await _in_shadow(conn, tenant)
    if shadow and asked.action == "issue":
        refused_all = tuple(ActionRefused(bill_id=bill, code=IN_SHADOW) for bill in bills)
        return ActionOutcome(accepted=0, refused=refused_all)
    found = await sale_actions_store.lock(conn, tenant, bills)
    may = asked.substitute and await _may_substitute(conn, tenant)
    judged = {sale.bill_id: _judge(sale, asked, may_substitute=may) for sale in found}
    if shadow:
        judged = {bill: _left_in_shadow(answer) for bill, answer in judged.items()}
    changes = {bill: answer for bill, answer in judged.items() if not isinstance(answer, Refusal)}
    if changes:
        await _write(
            conn, tenant, [sale for sale in found if sale.bill_id in changes], changes, asked
        )
    refused = [
        _refused(sale, answer)
        for sale in found
        if isinstance(answer := judged[sale.bill_id], Refusal)
    ]
    absent = [bill for bill in bills if bill not in judged]
    waiting = await sale_actions_store.not_decided(conn, tenant, absent) if absent else set()
    refused += [
        ActionRefused(bill_id=bill, code=NOT_DECIDED if bill in waiting else SALE_UNKNOWN)
        for bill in absent
    ]
    return ActionOutcome(
        accepted=len(changes),
        refused=tuple(refused),
        of_company=any(_of_company(sale, changes) for sale in found),
    )


def _left_in_shadow(
    answer: WishChange | PartChange | Refusal,
) -> WishChange | PartChange | Refusal:
    """The same, but that nothing is let go on which would issue."""
    return Refusal(code=IN_SHADOW) if getattr(answer, "wish", None) == "issue" else answer


async def _in_shadow(conn: Connection, tenant: TenantId) -> bool:
    found = await tenants_store.get(conn, tenant)
    return found is not None and found.status == "shadow"


def _of_company(sale: LockedSale, changes: Mapping[BillId, WishChange | PartChange]) -> bool:
    """Say whether a person has one sent again whose refusal may have stopped the company."""
    change = changes.get(sale.bill_id)
    return isinstance(change, WishChange) and change.resend and may_be_company(sale.state.denial)


async def _may_substitute(conn: Connection, tenant: TenantId) -> bool:
    version = await rules_store.newest(conn, tenant)
    return version is not None and version.rule.reissue == "substitute"


def _judge(
    sale: LockedSale, asked: Asked, *, may_substitute: bool
) -> WishChange | PartChange | Refusal:
    if asked.substitute:
        return judge_substitute(sale.parts, asked.part, sale.state.wish, allowed=may_substitute)
    if asked.part is not None:
        return judge_part(asked.action, sale.parts, asked.part, sale.state.wish)
    return judge(
        asked.action,
        sale.state,
        asked.amount,
        today=asked.today,
        without_document=asked.without_document,
    )


async def _write(
    conn: Connection,
    tenant: TenantId,
    sales: Sequence[LockedSale],
    changes: dict[BillId, WishChange | PartChange],
    asked: Asked,
) -> None:
    wishes = {bill: one for bill, one in changes.items() if isinstance(one, WishChange)}
    if wishes:
        await sale_actions_store.apply(conn, tenant, wishes)
    for bill, change in changes.items():
        if isinstance(change, PartChange):
            part = WHOLE if asked.part is None else asked.part
            await sale_actions_store.apply_to_part(conn, tenant, bill, part, change)
    told = await _told(conn, tenant, list(changes), asked)
    if told:
        await timeline_store.add(conn, tenant, told)
        await audit_store.add(
            conn,
            tenant,
            actor=asked.by,
            action=f"sale_{asked.action}",
            detail={
                "bill_ids": [one.bill_id for one in told],
                "reason": asked.reason,
                **({} if asked.part is None else {"part": asked.part}),
                **({"without_document": True} if asked.without_document else {}),
            },
        )
    marks = [
        Mark(
            tenant_id=tenant, bill_id=sale.bill_id, lane=asked.lane, origin=sale.origin, asked=True
        )
        for sale in sales
    ]
    await outbox_store.mark_due(conn, marks)


async def _told(
    conn: Connection, tenant: TenantId, bills: Sequence[BillId], asked: Asked
) -> list[Happening]:
    """The lines of what was asked for; six clicks of one action are one line."""
    why = asked.reason if asked.amount is None else f"{asked.reason}; {_chosen(asked.amount)}"
    why = f"substituir: {why}" if asked.substitute else why
    why = f"{why}; {WITHOUT_DOCUMENT}" if asked.without_document else why
    why = why if asked.part is None else f"nota {asked.part}: {why}"
    said = Said(what=asked.action, why=why, by=asked.by)
    now = await clock.now(conn)
    again = await sale_actions_store.repeated(conn, tenant, bills, said, now - ONE_WISH)
    return [
        Happening(bill_id=bill, what=said.what, why=said.why, by=said.by)
        for bill in bills
        if bill not in again
    ]


def _chosen(amount: str) -> str:
    match amount:
        case "lines":
            return "valor da nota: a soma dos itens"
        case "bill":
            return "valor da nota: o da fatura"
        case "remaining":
            return "valor da nota: o que resta depois do estorno"
        case _:
            return f"valor da nota: {reais(Cents(int(amount)))}"


def _refused(sale: LockedSale, answer: Refusal) -> ActionRefused:
    return ActionRefused(
        bill_id=sale.bill_id,
        code=answer.code,
        missing=answer.missing,
        status=sale.state.status,
        since=sale.since,
        possible=possible(sale.state),
    )
