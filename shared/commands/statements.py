"""A person states what the city hall shows. Panel and internal API both come through here."""

from dataclasses import dataclass
from typing import assert_never

from shared.db.connection import Connection, Pool
from shared.db.hooks import status_webhooks_store
from shared.db.outbox import outbox_wakes
from shared.db.sales import statements_store, timeline_store
from shared.db.sales.timeline_store import Happening
from shared.db.tenants import audit_store
from shared.domain.actions import Refusal
from shared.domain.ids import BillId, TenantId
from shared.domain.statement import (
    STATED_BY_PERSON,
    CancelledThere,
    Judged,
    LookOnceMore,
    SendAgain,
    Valid,
    judge_statement,
)
from shared.run.waker import Waker


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Whether the nota exists at the city hall, under which number, who says so and why.

    `part` names one nota of a divided sale; None the one that is in doubt.
    """

    exists: bool
    number: str | None
    reason: str
    by: str
    part: int | None = None


async def state_nota(
    pool: Pool, waker: Waker, tenant: TenantId, bill: BillId, statement: Statement
) -> Refusal | None:
    """Take a person's word for a nota; a Refusal when the state does not ask for it.

    Existing: the sale is issued. Not existing: one in doubt is looked up at the issuer a last time,
    then the same id is sent again; one that was valid is cancelled from then on. Raises
    LookupError when there is no such sale.
    """
    async with pool.acquire() as conn, conn.transaction():
        found = await statements_store.lock(conn, tenant, bill)
        if found is None:
            raise LookupError("no such sale")
        answer = judge_statement(
            found.parts, exists=statement.exists, leased=found.leased, part=statement.part
        )
        if isinstance(answer, Refusal):
            return answer
        before = await status_webhooks_store.before(conn, tenant, [bill])
        await _write(conn, tenant, bill, answer, statement)
        await status_webhooks_store.announce(conn, tenant, before)
    await waker.ring()
    return None


async def _write(
    conn: Connection,
    tenant: TenantId,
    bill: BillId,
    answer: Judged,
    statement: Statement,
) -> None:
    match answer:
        case Valid():
            number = statement.number
            await statements_store.state_valid(conn, tenant, bill, answer.part, number)
        case LookOnceMore():
            await statements_store.look_once_more(conn, tenant, bill, answer.part)
        case SendAgain():
            await statements_store.send_again(conn, tenant, bill, answer.part)
        case CancelledThere():
            await statements_store.state_cancelled(conn, tenant, bill, answer.part)
        case _:
            assert_never(answer)
    # A divided sale may lack other parts still: how it stands is decided at the next look.
    await outbox_wakes.wake(
        conn,
        tenant,
        [bill],
        about_bill=isinstance(answer, Valid | CancelledThere) and answer.part > 0,
        asked=True,
    )
    seen = "existe na prefeitura" if statement.exists else "não existe na prefeitura"
    if isinstance(answer, CancelledThere):
        seen = "está cancelada na prefeitura"
    why = f"nota {answer.part}: {seen}" if answer.part else seen
    why = f"{why}: {statement.reason}"
    told = Happening(bill_id=bill, what=STATED_BY_PERSON, why=why, by=statement.by)
    await timeline_store.add(conn, tenant, [told])
    detail = {"bill_id": bill, "exists": statement.exists, "reason": statement.reason}
    await audit_store.add(conn, tenant, actor=statement.by, action="nota_stated", detail=detail)
