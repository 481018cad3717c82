"""Brakes of a tenant: its limits, what was sent each day, and what a person released."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.db.connection import Connection
from shared.db.sales.intents_store import WithdrawnIntent
from shared.domain.brakes import BRAKE_CODES, OLD, BrakeCode, TenantLimits, Today
from shared.domain.ids import BillId, TenantId
from shared.domain.moment import local_day
from shared.domain.money import Cents

# A renewal day comes every 28 to 31 days: the busiest day must still be in sight.
HISTORY_DAYS: Final = 35


class BrakeState(Struct, frozen=True, kw_only=True):
    """TenantLimits, and whether issuing is stopped by them now."""

    limits: TenantLimits
    code: BrakeCode | None
    braked_at: datetime | None
    detail: str


NOT_BRAKED: Final = BrakeState(limits=TenantLimits(), code=None, braked_at=None, detail="")

GET: Final = """
    -- brakes_store.get
    SELECT notas_a_day, amount_a_day, amount_a_nota, unusual, old_days, code, braked_at, detail
      FROM tenant_brakes WHERE tenant_id = $1
"""


async def get(conn: Connection, tenant: TenantId) -> BrakeState:
    """The brakes of a tenant; without a row there is no limit but its own history."""
    row = await conn.fetchrow(GET, tenant)
    return NOT_BRAKED if row is None else _state(dict(row))


GET_ANY_TENANT: Final = """
    -- brakes_store.get_any_tenant
    SELECT tenant_id, notas_a_day, amount_a_day, amount_a_nota, unusual, old_days, code, braked_at,
           detail
      FROM tenant_brakes WHERE tenant_id = ANY($1::text[])
"""


async def get_any_tenant(
    conn: Connection, tenants: Sequence[TenantId]
) -> dict[TenantId, BrakeState]:
    """The brakes of many tenants; those that were never measured are absent."""
    rows = [dict(row) for row in await conn.fetch(GET_ANY_TENANT, list(tenants))]
    return {fields.pop("tenant_id"): _state(fields) for fields in rows}


def _state(fields: dict[str, Any]) -> BrakeState:
    state = {name: fields.pop(name) for name in ("code", "braked_at", "detail")}
    return BrakeState(limits=TenantLimits(**fields), **state)


PUT: Final = """
    -- brakes_store.put
    INSERT INTO tenant_brakes (
        tenant_id, notas_a_day, amount_a_day, amount_a_nota, unusual, old_days)
    VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (tenant_id) DO UPDATE
       SET notas_a_day = excluded.notas_a_day, amount_a_day = excluded.amount_a_day,
           amount_a_nota = excluded.amount_a_nota, unusual = excluded.unusual,
           old_days = excluded.old_days
"""


async def put(conn: Connection, tenant: TenantId, limits: TenantLimits) -> None:
    """Set the limits; a brake that is on stays on until it is released."""
    await conn.execute(
        PUT,
        tenant,
        limits.notas_a_day,
        limits.amount_a_day,
        limits.amount_a_nota,
        limits.unusual,
        limits.old_days,
    )


ADD: Final = """
    -- brakes_store.lock_today add
    INSERT INTO tenant_brakes (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING
"""
LOCK: Final = """
    -- brakes_store.lock_today lock
    SELECT b.notas_a_day, b.amount_a_day, b.amount_a_nota, b.unusual, b.old_days, b.code,
           (now() AT TIME ZONE t.timezone)::date AS day, t.timezone, b.free_notas, b.free_amount,
           b.free_old, b.free_day
      FROM tenant_brakes b JOIN tenants t ON t.tenant_id = b.tenant_id
     WHERE b.tenant_id = $1 FOR UPDATE OF b
"""
# Read once the lock is held: a statement that waits for a lock sees old counts.
COUNTS: Final = """
    -- brakes_store.lock_today counts
    SELECT coalesce(sum(notas) FILTER (WHERE day = $2), 0)::int AS notas,
           coalesce(sum(amount) FILTER (WHERE day = $2), 0)::bigint AS amount,
           coalesce(sum(backfilled) FILTER (WHERE day = $2), 0)::int AS backfilled,
           count(*) FILTER (WHERE day < $2 AND notas > backfilled) AS history_days,
           coalesce(max(notas - backfilled) FILTER (WHERE day < $2), 0) AS busiest,
           coalesce(sum(old) FILTER (WHERE day = $2), 0)::int AS old,
           coalesce(max(old) FILTER (WHERE day < $2), 0) AS busiest_old,
           coalesce(max(old_freed), 0) AS let_through,
           ARRAY(SELECT s.bill_id FROM sales s
                  WHERE s.tenant_id = $1 AND s.bill_id = ANY($4::bigint[])
                    AND (s.brake_free OR s.wish = 'issue')) AS free
      FROM nota_days WHERE tenant_id = $1 AND day BETWEEN $2 - $3::int AND $2
"""


class Measured(Struct, frozen=True, kw_only=True):
    """What is measured before anything is sent, as it stands until the transaction ends."""

    limits: TenantLimits
    today: Today
    day: date  # in the tenant's city
    zone: ZoneInfo  # of that city
    free: frozenset[BillId]  # the sales that a person released, or said to issue

    def is_old(self, due: datetime) -> bool:
        """Whether a nota that was due then is so for longer than the limit says."""
        old_days = self.limits.old_days
        if old_days is None:
            return False
        return local_day(due, self.zone) < self.day - timedelta(days=old_days)


async def lock_today(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> Measured:
    """The limits, the day so far, and which of these sales no brake holds, all of them held.

    Everybody who sends for the tenant takes turns here, so that no two of them see the same room.
    """
    row = await conn.fetchrow(LOCK, tenant)
    if row is None:
        await conn.execute(ADD, tenant)
        row = await conn.fetchrow(LOCK, tenant)
    if row is None:
        raise LookupError("no such tenant")
    day: date = row["day"]
    counts = await conn.fetchrow(COUNTS, tenant, day, HISTORY_DAYS, bills)
    if counts is None:
        raise AssertionError("a SELECT of sums gives its row")
    released = row["free_day"] == day
    free_notas, free_amount = (row["free_notas"], row["free_amount"]) if released else (0, 0)
    free_old = row["free_old"] if released else 0
    limits = TenantLimits(
        notas_a_day=row["notas_a_day"],
        amount_a_day=row["amount_a_day"],
        amount_a_nota=row["amount_a_nota"],
        unusual=row["unusual"],
        old_days=row["old_days"],
    )
    today = Today(
        notas=max(counts["notas"] - free_notas, 0),
        amount=Cents(max(counts["amount"] - free_amount, 0)),
        live=max(counts["notas"] - counts["backfilled"] - free_notas, 0),
        history_days=counts["history_days"],
        busiest=counts["busiest"],
        braked=row["code"],
        old=max(counts["old"] - free_old, 0),
        busiest_old=counts["busiest_old"],
        let_through=counts["let_through"],
    )
    return Measured(
        limits=limits,
        today=today,
        day=day,
        zone=ZoneInfo(row["timezone"]),
        free=frozenset(counts["free"]),
    )


COUNT: Final = """
    -- brakes_store.count
    INSERT INTO nota_days AS d (tenant_id, day, notas, amount, backfilled, old, old_freed)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant_id, day) DO UPDATE
       SET notas = d.notas + excluded.notas, amount = d.amount + excluded.amount,
           backfilled = d.backfilled + excluded.backfilled, old = d.old + excluded.old,
           old_freed = d.old_freed + excluded.old_freed
"""
# What a person let through goes into the day's history, and into what its limits leave out.
FREED: Final = """
    -- brakes_store.count freed
    UPDATE tenant_brakes
       SET free_notas = $3 + CASE WHEN free_day = $2 THEN free_notas ELSE 0 END,
           free_amount = $4 + CASE WHEN free_day = $2 THEN free_amount ELSE 0 END,
           free_old = $5 + CASE WHEN free_day = $2 THEN free_old ELSE 0 END,
           free_day = $2
     WHERE tenant_id = $1
"""


class SentCount(Struct, frozen=True, kw_only=True):
    """Notas whose intent is written now; `freed` are those a person released."""

    notas: int
    amount: Cents
    backfilled: int
    freed: int
    freed_amount: Cents
    old: int
    freed_old: int


async def count(conn: Connection, tenant: TenantId, day: date, sent: SentCount) -> None:
    """Count what is sent, in the transaction that writes the intents."""
    await conn.execute(
        COUNT,
        tenant,
        day,
        sent.notas,
        sent.amount,
        sent.backfilled,
        sent.old,
        sent.freed_old,
    )
    if sent.freed:
        await conn.execute(FREED, tenant, day, sent.freed, sent.freed_amount, sent.freed_old)


# Whether one is old is said as it was when it was counted: `Measured.is_old`.
UNCOUNT: Final = """
    -- brakes_store.uncount
    UPDATE nota_days d
       SET notas = greatest(d.notas - w.notas, 0), amount = greatest(d.amount - w.amount, 0),
           backfilled = greatest(d.backfilled - w.backfilled, 0), old = greatest(d.old - w.old, 0),
           old_freed = least(d.old_freed, greatest(d.old - w.old, 0))
      FROM (SELECT (i.created_at AT TIME ZONE t.timezone)::date AS day, count(*)::int AS notas,
                   sum(i.amount)::bigint AS amount,
                   (count(*) FILTER (WHERE i.past))::int AS backfilled,
                   (count(*) FILTER (
                       WHERE NOT i.past AND (s.issue_at AT TIME ZONE t.timezone)::date
                             < (i.created_at AT TIME ZONE t.timezone)::date - b.old_days))::int
                   AS old
              FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[], $5::boolean[])
                   AS i (created_at, amount, bill_id, past)
              JOIN tenants t ON t.tenant_id = $1
              JOIN tenant_brakes b ON b.tenant_id = $1
              LEFT JOIN sales s ON s.tenant_id = $1 AND s.bill_id = i.bill_id
             GROUP BY 1) w
     WHERE d.tenant_id = $1 AND d.day = w.day
"""
# What a person let through is counted once, however often its request is taken back.
UNCOUNT_FREED: Final = """
    -- brakes_store.uncount freed
    UPDATE tenant_brakes b
       SET free_notas = greatest(b.free_notas - w.notas, 0),
           free_amount = greatest(b.free_amount - w.amount, 0),
           free_old = greatest(b.free_old - w.old, 0)
      FROM (SELECT count(*)::int AS notas, sum(i.amount)::bigint AS amount,
                   (count(*) FILTER (
                       WHERE NOT i.past AND (s.issue_at AT TIME ZONE t.timezone)::date
                             < k.free_day - k.old_days))::int AS old
              FROM unnest($2::timestamptz[], $3::bigint[], $4::bigint[], $5::boolean[])
                   AS i (created_at, amount, bill_id, past)
              JOIN tenants t ON t.tenant_id = $1
              JOIN tenant_brakes k ON k.tenant_id = $1
              JOIN sales s ON s.tenant_id = $1 AND s.bill_id = i.bill_id
             WHERE (s.brake_free OR s.wish = 'issue')
               AND (i.created_at AT TIME ZONE t.timezone)::date = k.free_day) w
     WHERE b.tenant_id = $1 AND w.notas > 0
"""


async def uncount(
    conn: Connection,
    tenant: TenantId,
    withdrawn: Sequence[WithdrawnIntent],
    past: Collection[BillId],
) -> None:
    """Take back notas that were never sent; `past` are those that a backfill asked for."""
    if not withdrawn:
        return
    given = (
        [one.created_at for one in withdrawn],
        [one.amount for one in withdrawn],
        [one.bill_id for one in withdrawn],
        [one.bill_id in past for one in withdrawn],
    )
    # The brake before the days, as whoever sends has them.
    await conn.execute(UNCOUNT_FREED, tenant, *given)
    await conn.execute(UNCOUNT, tenant, *given)


PULL: Final = """
    -- brakes_store.pull
    UPDATE tenant_brakes SET code = $2, detail = $3, braked_at = now()
     WHERE tenant_id = $1 AND (code IS NULL OR code = 'brake_old_moments')
"""


async def pull(conn: Connection, tenant: TenantId, code: BrakeCode, detail: str) -> None:
    """Stop issuing for a tenant until a person releases it."""
    await conn.execute(PULL, tenant, code, detail)


ON: Final = """
    -- brakes_store.lock_on
    SELECT code FROM tenant_brakes WHERE tenant_id = $1 AND code IS NOT NULL FOR UPDATE
"""
# Who releases the brake of old moments was shown how many there were until then.
LET_THROUGH: Final = """
    -- brakes_store.release let_through
    UPDATE nota_days d SET old_freed = d.old
      FROM (SELECT (now() AT TIME ZONE timezone)::date AS day FROM tenants
             WHERE tenant_id = $1) t
     WHERE d.tenant_id = $1 AND d.day = t.day
"""
RELEASE: Final = """
    -- brakes_store.release
    UPDATE tenant_brakes b
       SET code = NULL, detail = '', braked_at = NULL, free_day = d.day,
           free_notas = coalesce(n.notas, 0), free_amount = coalesce(n.amount, 0),
           free_old = coalesce(n.old, 0)
      FROM (SELECT (now() AT TIME ZONE timezone)::date AS day FROM tenants
             WHERE tenant_id = $1) d
      LEFT JOIN nota_days n ON n.tenant_id = $1 AND n.day = d.day
     WHERE b.tenant_id = $1 AND b.code IS NOT NULL
"""


async def lock_on(conn: Connection, tenant: TenantId) -> BrakeCode | None:
    """The brake that is on, kept as it is until the transaction ends; None where none is.

    Whoever pulls it has it until the sales it holds are to be seen.
    """
    code: BrakeCode | None = await conn.fetchval(ON, tenant)
    return code


async def release(conn: Connection, tenant: TenantId, code: BrakeCode) -> None:
    """Take off the brake that is on, as it was locked; the day's counts begin anew."""
    if code == OLD:
        await conn.execute(LET_THROUGH, tenant)
    await conn.execute(RELEASE, tenant)


HELD: Final = """
    -- brakes_store.held
    SELECT bill_id FROM sales
     WHERE tenant_id = $1 AND NOT brake_free
       AND (status = 'held' AND code = ANY($2::text[]) OR attention = ANY($2::text[]))
     ORDER BY bill_id
"""


async def held(conn: Connection, tenant: TenantId) -> list[BillId]:
    """The sales that a brake holds, those among them whose valid nota was to be substituted.

    But those that were freed: they are about to be decided again.
    """
    return [row["bill_id"] for row in await conn.fetch(HELD, tenant, list(BRAKE_CODES))]


FREE: Final = """
    -- brakes_store.free
    UPDATE sales SET brake_free = true
     WHERE tenant_id = $1 AND bill_id = ANY($2::bigint[])
       AND (status = 'held' AND code = ANY($3::text[]) OR attention = ANY($3::text[]))
 RETURNING bill_id
"""


async def free(conn: Connection, tenant: TenantId, bills: Sequence[BillId]) -> list[BillId]:
    """Let no brake hold these sales again; those that one still held, locked before."""
    rows = await conn.fetch(FREE, tenant, bills, list(BRAKE_CODES))
    return sorted(row["bill_id"] for row in rows)
