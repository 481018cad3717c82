"""Sales issued only as tests, when their tenant goes live (design D18)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.hooks import status_webhooks_store
from shared.db.outbox import outbox_store, outbox_wakes
from shared.db.outbox.outbox_store import RECONCILE
from shared.db.sales import timeline_store
from shared.db.sales.timeline_store import Happening
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import ISSUED_AS_TEST, REPLACED

_TOLD_HELD: Final = f"{ISSUED_AS_TEST}: a nota saiu em homologação e não tem valor fiscal"
_TOLD_DUE: Final = "a nota saiu em homologação e não tem valor fiscal; sai agora em produção"


class WentLive(Struct, frozen=True, kw_only=True):
    """How many sales issued as tests wait for a person, and how many are due now."""

    held: int
    due: int


# A denied test stays as it is: sent again, it goes out as a real one. Beside a part that was issued
# it goes with that.
TESTS: Final = """
    -- issued_tests_store.tests
    SELECT DISTINCT bill_id FROM notas
     WHERE tenant_id = $1 AND environment = 'Homologacao' AND status NOT IN ('cancelled', 'denied')
       AND ($2::bigint[] IS NULL OR bill_id = ANY($2))
     ORDER BY bill_id
"""
# What is being cancelled, or is to be, nobody wanted any more: a person says of it too, as of what
# was cancelled before.
OF_THEM_DUE: Final = """
    -- issued_tests_store.of_them_due
    SELECT bill_id FROM sales s
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
       AND ($3::timestamptz IS NULL OR moment_at >= $3)
       AND NOT EXISTS (
           SELECT FROM notas n
            WHERE n.tenant_id = $1 AND n.bill_id = s.bill_id AND n.environment = 'Homologacao'
              AND (n.status IN ('cancelling', 'cancel_refused') OR n.then_cancel IS NOT NULL)
              AND n.status <> 'cancelled')
"""
GIVE_UP: Final = """
    -- issued_tests_store.go_live give_up
    UPDATE notas
       SET status = 'cancelled', resend = false, resend_at = NULL, look_up_at = NULL,
           raw_status = CASE WHEN bill_id = ANY($3::bigint[]) THEN $4 ELSE $5 END
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
       AND environment = 'Homologacao' AND status <> 'cancelled'
"""
SAY: Final = """
    -- issued_tests_store.go_live say
    UPDATE sales
       SET status = CASE WHEN bill_id = ANY($3::bigint[]) THEN 'queued' ELSE 'held' END,
           code = CASE WHEN bill_id = ANY($3::bigint[]) THEN NULL ELSE $4 END,
           detail = '', attention = NULL, updated_at = $5
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
"""


async def go_live(
    conn: Connection,
    tenant: TenantId,
    *,
    issue: bool,
    since: datetime | None,
    now: datetime,
    by: str,
) -> WentLive:
    """Take every nota issued as a test for what it is, in the caller's transaction.

    Their sales are held for a person to say which of them are owed; with `issue` those whose
    moment is not before `since` are due at once. The caller holds the tenant's row. Safe to repeat.
    """
    seen = await _tests(conn, tenant, None)
    states = await outbox_store.lock(conn, tenant, seen)
    tests = await _tests(conn, tenant, seen)  # what a worker wrote before we had its row
    if not tests:
        return WentLive(held=0, due=0)
    due = await _due(conn, tenant, tests, since) if issue else []
    before = await status_webhooks_store.before(conn, tenant, tests)
    await conn.execute(GIVE_UP, tenant, tests, due, REPLACED, ISSUED_AS_TEST)
    await conn.execute(SAY, tenant, tests, due, ISSUED_AS_TEST, now)
    owed = set(due)
    # A held sale at rest needs no look; one that a worker has, or that waits, is decided again.
    woken = [bill for bill in tests if bill in owed or states.get(bill) != "settled"]
    await outbox_wakes.wake(conn, tenant, woken, about_bill=False, lane=RECONCILE)
    await status_webhooks_store.announce(conn, tenant, before)
    told = [_told(bill, by, due=bill in owed) for bill in tests]
    await timeline_store.add(conn, tenant, told)
    return WentLive(held=len(tests) - len(due), due=len(due))


async def _tests(
    conn: Connection, tenant: TenantId, among: Sequence[BillId] | None
) -> list[BillId]:
    return [BillId(row["bill_id"]) for row in await conn.fetch(TESTS, tenant, among)]


async def _due(
    conn: Connection, tenant: TenantId, tests: Sequence[BillId], since: datetime | None
) -> list[BillId]:
    rows = await conn.fetch(OF_THEM_DUE, tenant, tests, since)
    return [BillId(row["bill_id"]) for row in rows]


def _told(bill: BillId, by: str, *, due: bool) -> Happening:
    if due:
        return Happening(bill_id=bill, what="queued", why=_TOLD_DUE, by=by)
    return Happening(bill_id=bill, what="held", why=_TOLD_HELD, by=by)
