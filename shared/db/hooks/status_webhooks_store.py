"""Status webhooks out: where a tenant wants to hear of its sales, and every delivery."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct

from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.connection import Connection
from shared.db.sales.notas_store import SPEAKS, SPEAKS_NOT
from shared.domain.ids import BillId, TenantId
from shared.domain.privacy import terms

KEEP: Final = terms.DELIVERIES
GIVEN_UP_AFTER: Final = timedelta(days=4)  # a day more than all tries of one take
MOST_FAILURES: Final = 1_000_000
Before = Mapping[BillId, tuple[str | None, str | None]]  # status and code


class StatusWebhook(Struct, frozen=True, kw_only=True):
    """Where a tenant hears of its sales; the secret is `whsec_…`."""

    url: str
    secret: str
    created_at: datetime
    updated_at: datetime
    failures: int  # in a row, without an answer
    failing_since: datetime | None
    rest_until: datetime | None


GET: Final = """
    -- status_webhooks_store.get
    SELECT url, secret, created_at, updated_at, failures, failing_since, rest_until
      FROM status_webhooks WHERE tenant_id = $1
"""


async def get(conn: Connection, sealer: Sealer, tenant: TenantId) -> StatusWebhook | None:
    """The webhook with its secret opened; None when there is none."""
    row = await conn.fetchrow(GET, tenant)
    if row is None:
        return None
    secret = columns.STATUS_WEBHOOK.open(sealer, tenant, row["secret"]).decode()
    return StatusWebhook(**{**dict(row), "secret": secret})


PUT: Final = """
    -- status_webhooks_store.put
    INSERT INTO status_webhooks (tenant_id, url, secret, updated_at) VALUES ($1, $2, $3, now())
        ON CONFLICT (tenant_id) DO UPDATE
       SET url = excluded.url, secret = excluded.secret, updated_at = excluded.updated_at,
           failures = 0, failing_since = NULL, rest_until = NULL
"""


async def put(conn: Connection, sealer: Sealer, tenant: TenantId, url: str, secret: str) -> None:
    """Set the webhook; what is still to be delivered goes to the new address."""
    sealed = columns.STATUS_WEBHOOK.seal(sealer, tenant, secret.encode())
    await conn.execute(PUT, tenant, url, sealed)


DELETE: Final = """
    -- status_webhooks_store.delete
    WITH gone AS (DELETE FROM status_webhooks WHERE tenant_id = $1 RETURNING tenant_id),
    given_up AS (
        UPDATE webhook_deliveries SET state = 'given_up', last_error = 'webhook_removed'
         WHERE tenant_id = $1 AND state = 'pending'
    )
    SELECT count(*) FROM gone
"""


async def delete(conn: Connection, tenant: TenantId) -> bool:
    """Forget the webhook and give up what was to be delivered; says whether there was one."""
    return bool(await conn.fetchval(DELETE, tenant))


BEFORE: Final = """
    -- status_webhooks_store.before
    SELECT b.bill_id, s.status, s.code
      FROM status_webhooks w CROSS JOIN unnest($2::bigint[]) AS b (bill_id)
      LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
                       AND s.bill_id = b.bill_id
     WHERE w.tenant_id = $1
"""


async def before(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> Before:
    """Status and code of these sales before they change; empty when nobody wants to hear of it."""
    rows = await conn.fetch(BEFORE, tenant, bills)
    return {row["bill_id"]: (row["status"], row["code"]) for row in rows}


ANNOUNCE: Final = f"""
    -- status_webhooks_store.announce
    INSERT INTO webhook_deliveries (tenant_id, bill_id, type, payload)
    SELECT s.tenant_id, s.bill_id, 'sale.' || s.status,
           jsonb_build_object(
               'type', 'sale.' || s.status,
               'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
               'data', jsonb_build_object(
                   'tenant_id', s.tenant_id, 'bill_id', s.bill_id, 'status', s.status,
                   'code', coalesce(s.code, n.denial),
                   'amount', to_char(s.amount / 100.0, 'FM999999999999990.00'),
                   'nota', CASE WHEN n.external_id IS NOT NULL THEN jsonb_build_object(
                       'external_id', n.external_id, 'status', n.status, 'number', n.number) END)
                   || CASE WHEN n.part > 0 THEN jsonb_build_object('notas', (
                          SELECT jsonb_agg(jsonb_build_object(
                                     'external_id', m.external_id, 'part', m.part,
                                     'status', m.status, 'number', m.number) ORDER BY m.part)
                            FROM (SELECT DISTINCT ON (o.part) o.external_id, o.part, o.status,
                                         o.number
                                    FROM notas o JOIN sale_parts p
                                      ON p.tenant_id = o.tenant_id AND p.bill_id = o.bill_id
                                     AND p.part = o.part
                                   WHERE o.tenant_id = $1 AND o.bill_id = s.bill_id
                                   ORDER BY o.part, o.{SPEAKS_NOT}, o.revision DESC) m))
                      ELSE '{{}}'::jsonb END)
      FROM unnest($2::bigint[], $3::text[], $4::text[]) AS b (bill_id, status, code)
      JOIN sales s ON s.tenant_id = $1 AND s.bill_id = ANY($2::bigint[])
                  AND s.bill_id = b.bill_id
      LEFT JOIN LATERAL (
           SELECT external_id, status, number, part,
                  CASE WHEN status = 'denied' THEN denial END AS denial
             FROM notas WHERE tenant_id = $1 AND bill_id = s.bill_id
            {SPEAKS}) n ON true
     WHERE s.status IN ('issued', 'denied', 'held', 'cancelled')
       AND (s.status, s.code) IS DISTINCT FROM (b.status, b.code)
 RETURNING bill_id
"""  # noqa: S608 - only our own constant is put in


async def announce(conn: Connection, tenant: TenantId, known: Before) -> None:
    """Write a delivery for each sale that changed since `before`, in the same transaction.

    A payload holds ids, status, code, amount and the nota's number: nothing about a person. Of a
    divided sale it has `notas` beside `nota`, which is then one of them.
    """
    if known:
        statuses = [status for status, _ in known.values()]
        codes = [code for _, code in known.values()]
        await conn.execute(ANNOUNCE, tenant, list(known), statuses, codes)


TEST: Final = """
    -- status_webhooks_store.announce_test
    INSERT INTO webhook_deliveries (tenant_id, bill_id, type, payload)
    VALUES ($1, NULL, 'webhook.test', $2)
 RETURNING delivery_id
"""


async def announce_test(conn: Connection, tenant: TenantId, now: datetime) -> int:
    """Write a delivery that is about no sale; its number."""
    payload = {
        "type": "webhook.test",
        "timestamp": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "data": {"tenant_id": tenant},
    }
    return int(await conn.fetchval(TEST, tenant, payload))


TENANTS_WITH_DUE: Final = """
    -- status_webhooks_store.tenants_with_due_any_tenant
    SELECT w.tenant_id, w.failures > 0 AS failing
      FROM status_webhooks w
      CROSS JOIN LATERAL (
           SELECT d.next_at FROM webhook_deliveries d
            WHERE d.tenant_id = w.tenant_id AND d.state = 'pending' AND d.next_at <= now()
            ORDER BY d.next_at LIMIT 1) first
     WHERE (w.rest_until IS NULL OR w.rest_until <= now()) AND w.tenant_id <> ALL($1::text[])
     ORDER BY first.next_at, w.tenant_id LIMIT $2
"""


class TenantWithDue(Struct, frozen=True, kw_only=True):
    """A tenant that something is due for; `failing` when its address gave no answer last."""

    tenant_id: TenantId
    failing: bool


async def tenants_with_due_any_tenant(
    conn: Connection, *, but: Sequence[TenantId], limit: int
) -> list[TenantWithDue]:
    """Tenants that have deliveries due now and an address that does not rest, oldest first.

    A probe of an index for each address: what waits behind one that rests is not read.
    """
    rows = await conn.fetch(TENANTS_WITH_DUE, but, limit)
    return [TenantWithDue(**dict(row)) for row in rows]


RESTED: Final = """
    -- status_webhooks_store.note_answer
    UPDATE status_webhooks SET failures = 0, failing_since = NULL, rest_until = NULL
     WHERE tenant_id = $1 AND url = $2 AND failures > 0
"""
RESTS: Final = """
    -- status_webhooks_store.note_silence
    UPDATE status_webhooks
       SET failures = $3, failing_since = coalesce(failing_since, $4), rest_until = $5
     WHERE tenant_id = $1 AND url = $2
"""
GIVE_UP: Final = """
    -- status_webhooks_store.give_up_old
    UPDATE webhook_deliveries
       SET state = 'given_up', last_error = coalesce(last_error, $2)
     WHERE tenant_id = $1 AND state = 'pending' AND asked_at < $3
"""


async def note_answer(conn: Connection, tenant: TenantId, url: str) -> None:
    """The address answered, whatever it said: it is tried as usual."""
    await conn.execute(RESTED, tenant, url)


async def note_silence(
    conn: Connection, tenant: TenantId, webhook: StatusWebhook, rest: timedelta
) -> None:
    """The address gave no answer: it rests from now on."""
    now = await clock.now(conn)
    failures = min(webhook.failures + 1, MOST_FAILURES)
    await conn.execute(RESTS, tenant, webhook.url, failures, now, now + rest)


async def give_up_old(conn: Connection, tenant: TenantId, error: str) -> None:
    """End what has waited for days; one that was never tried ends with this word."""
    await conn.execute(GIVE_UP, tenant, error, await clock.now(conn) - GIVEN_UP_AFTER)


class DueDelivery(Struct, frozen=True, kw_only=True):
    """One delivery to be tried now; `tries` counts this one."""

    delivery_id: int
    message_id: UUID
    payload: Any
    tries: int


# The next try of a worker that died is as far away as a try may take, and some.
CLAIM: Final = """
    -- status_webhooks_store.claim
    WITH picked AS MATERIALIZED (
        SELECT delivery_id FROM webhook_deliveries
         WHERE tenant_id = $1 AND state = 'pending' AND next_at <= now()
         ORDER BY next_at, delivery_id LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE webhook_deliveries d SET tries = d.tries + 1, next_at = now() + $3::interval
      FROM picked p WHERE d.tenant_id = $1 AND d.delivery_id = p.delivery_id
 RETURNING d.delivery_id, d.message_id, d.payload, d.tries
"""


async def claim(
    conn: Connection, tenant: TenantId, *, limit: int, lease: timedelta
) -> list[DueDelivery]:
    """Take deliveries of one tenant for one try each, the oldest first."""
    rows = await conn.fetch(CLAIM, tenant, limit, lease)
    found = [DueDelivery(**dict(row)) for row in rows]
    return sorted(found, key=lambda due: due.delivery_id)


SETTLE: Final = """
    -- status_webhooks_store.settle
    UPDATE webhook_deliveries
       SET state = CASE WHEN $4 THEN 'delivered' WHEN $7::interval IS NULL THEN 'given_up'
                        ELSE 'pending' END,
           delivered_at = CASE WHEN $4 THEN $8::timestamptz END,
           last_status = $5, last_error = $6,
           next_at = $8 + coalesce($7::interval, interval '0')
     WHERE tenant_id = $1 AND delivery_id = $2 AND tries = $3 AND state = 'pending'
"""


async def settle(
    conn: Connection,
    tenant: TenantId,
    due: DueDelivery,
    *,
    status: int | None,
    error: str | None,
    again_in: timedelta | None,
) -> None:
    """Write down one try: delivered without an error, else again later, or given up."""
    await conn.execute(
        SETTLE,
        tenant,
        due.delivery_id,
        due.tries,
        error is None,
        status,
        error,
        None if error is None else again_in,
        await clock.now(conn),
    )


class StatusDelivery(Struct, frozen=True, kw_only=True):
    """One delivery as people look at it."""

    delivery_id: int
    message_id: UUID
    bill_id: BillId | None  # None: a try, about no sale
    type: str
    state: Literal["pending", "delivered", "given_up"]
    tries: int
    next_at: datetime
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


LIST: Final = """
    -- status_webhooks_store.list_newest_first
    SELECT delivery_id, message_id, bill_id, type,
           CASE state WHEN 'failed' THEN 'given_up' ELSE state END AS state, tries, next_at,
           last_status, last_error, created_at, delivered_at
      FROM webhook_deliveries
     WHERE tenant_id = $1 AND ($2::bigint IS NULL OR delivery_id < $2)
     ORDER BY delivery_id DESC LIMIT $3
"""


async def list_newest_first(
    conn: Connection, tenant: TenantId, *, before: int | None, limit: int
) -> list[StatusDelivery]:
    """Deliveries, the newest first, beginning below one."""
    return [StatusDelivery(**dict(row)) for row in await conn.fetch(LIST, tenant, before, limit)]


RESEND: Final = """
    -- status_webhooks_store.resend
    UPDATE webhook_deliveries
       SET state = 'pending', tries = 0, next_at = now(), asked_at = now(), delivered_at = NULL,
           last_error = NULL
     WHERE tenant_id = $1 AND delivery_id = $2
"""


async def resend(conn: Connection, tenant: TenantId, delivery_id: int) -> bool:
    """Deliver once more, under the same message id; says whether there is such a delivery."""
    tag: str = await conn.execute(RESEND, tenant, delivery_id)
    return not tag.endswith(" 0")


FORGET: Final = """
    -- status_webhooks_store.forget_old_any_tenant
    DELETE FROM webhook_deliveries WHERE state <> 'pending' AND created_at < now() - $1::interval
"""


async def forget_old_any_tenant(conn: Connection) -> int:
    """Forget deliveries that ended a month ago; returns how many."""
    return int((await conn.execute(FORGET, KEEP)).rpartition(" ")[2])
