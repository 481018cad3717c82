"""A clock that was a day ahead is set right: whatever it planned comes near by itself."""

from datetime import timedelta

import pytest

from shared.commands import people, set_up, sign_in
from shared.db.closing import foreign_notas_store
from shared.db.connection import Connection, Pool
from shared.db.outbox import set_back_store
from shared.db.outbox.set_back_store import OTHERS, PLANNED
from shared.domain.ids import TenantId

DAY = timedelta(days=1)
TENANT = "tabcdefghij"
# What is brought near elsewhere: leases, by whoever finds one further away than any of ours.
LEASES = {
    "outbox.lease_until",
    "reconciler_passes.lease_until",
    "backfills.lease_until",
    "closing_checks.lease_until",
    "issuer_lists.lease_until",
    "month_files.lease_until",
    "restore_checks.lease_until",
}
OF_SALES = {"outbox.due_at", "notas.look_up_at", "notas.resend_at", "notas.cancel_again_at"}
# Nobody waits for these: when something was, by whose clock; where it lies ahead it is read as
# now, or shown as it is. And days of the calendar or a person's choice, as they were meant.
WAITED_FOR_BY_NOBODY = {
    "accepted_notas": {"accepted_at"},
    "audit": {"at"},
    "backfill_bills": {"read_at"},
    "backfills": {"requested_at", "started_at", "finished_at", "anchor"},
    "bills": {
        "created_at", "updated_at", "created_moment", "paid_moment", "recorded_at",
        "came_alive_at", "refunds_read_at", "read_at", "paid_seen_at",
        "unpaid_seen_at", "refunded_at",
    },
    "bulk_jobs": {"asked_at", "started_at", "ended_at"},
    "closing_checks": {"requested_at", "started_at", "finished_at"},
    "closing_locks": {"locked_at"},
    "company_breakers": {"since", "failing_since"},
    "database_life": {"seen_at", "older_code_until"},
    "departures": {"asked_at", "delete_at", "ended_at"},
    "emitters": {"knows_of"},
    "erasures": {"asked_at", "after_at", "since", "began_at", "completed_at"},
    "events": {"received_at", "event_at"},
    "idempotency_keys": {"created_at", "alive_at"},
    "internal_tokens": {"made_at", "expires_at", "revoked_at", "used_at"},
    "issuer_breakers": {"since", "failing_since"},
    "issuer_connections": {"state_since", "connected_at", "checked_at"},
    "issuer_notas": {"changed_at"},
    "kept_figures": {"as_of"},
    "key_canaries": {"created_at"},
    "memberships": {"added_at"},
    "month_files": {"ready_at"},
    "nota_connections": {"state_since", "connected_at"},
    "notas": {
        "changed_at", "sent_at", "issued_at", "cancel_sent_at", "cancelled_at", "created_at",
        "denied_at", "fiscal_sent_at", "tied_at", "news_at",
    },
    "outbox": {"heard_at", "traced_at"},
    "panel_sessions": {"created_at"},
    "people": {"created_at", "password_at"},
    "person_identities": {"made_at"},
    "person_links": {"made_at", "used_at"},
    "reconciler_passes": {
        "bills_mark", "charges_mark", "refunds_mark", "complete_at", "error_since", "zone_at",
        "plain_since", "silent_since", "silent_at", "customers_mark", "complete_from",
    },
    "refunds_pending": {"seen_at"},
    "refunds_seen": {"seen_at"},
    "restore_checks": {"read_at", "opened_at"},
    "restore_finds": {"found_at", "woken_at", "known_at"},
    "restores": {"since", "noticed_at", "read_after"},
    "retention_walks": {"before", "after_at", "since", "began_at"},
    "rps_numbers": {"given_at"},
    "rps_series": {"set_at"},
    "rule_versions": {"created_at"},
    "sales": {"moment_at", "issue_at", "wish_at", "created_at", "updated_at"},
    "saved_filters": {"saved_at"},
    "status_webhooks": {"created_at", "updated_at", "failing_since"},
    "tenant_brakes": {"braked_at"},
    "tenants": {"active_from", "created_at", "updated_at", "shadow_from"},
    "timeline": {"at"},
    "unknown_denials": {"first_at", "last_at"},
    "vindi_connections": {
        "state_since", "connected_at", "checked_at", "line_from", "away_from", "away_until",
    },
    "vindi_oddities": {"since", "seen_at"},
    "webhook_deliveries": {"created_at", "delivered_at", "asked_at"},
    "webhook_rejections": {"since", "rejected_at"},
    "webhook_secrets": {"created_at"},
}  # fmt: skip
INSTANTS = """
    SELECT c.relname || '.' || a.attname AS name
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition AND NOT a.attisdropped AND a.atttypid = 'timestamptz'::regtype
"""


async def test_of_every_instant_of_the_schema_is_known_whether_something_waits_for_it(
    pool: Pool,
) -> None:
    planned = {f"{one.table}.{one.column}" for one in PLANNED} | OF_SALES | LEASES
    stamps = {f"{table}.{name}" for table, names in WAITED_FOR_BY_NOBODY.items() for name in names}

    there = {row["name"] for row in await pool.fetch(INSTANTS)}

    assert not planned & stamps
    assert there == planned | stamps


ONLY = {  # of which rows, as a row that is one of them
    "status IN ('queued', 'running')": {"status": "running"},
    "state = 'deleting'": {"state": "deleting"},
    "state = 'pending'": {"state": "pending"},
}


@pytest.mark.parametrize("name", OTHERS)
async def test_what_was_planned_by_a_clock_ahead_comes_near(pool: Pool, name: str) -> None:
    """In a table of the same name that demands nothing, so that a row needs no more than this."""
    planned = next(one for one in PLANNED if f"{one.table}.{one.column}" == name)
    table, column, only = planned.table, planned.column, ONLY.get(planned.only, {})
    names = ", ".join([column, *only])
    given = ", ".join(["now() + $1::interval", *(f"'{value}'" for value in only.values())])
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(f"CREATE TEMP TABLE {table} AS TABLE public.{table} WITH NO DATA")
        span = await conn.fetchval("SELECT $1::text::interval", planned.span)
        for ahead in (span + DAY, span + timedelta(seconds=30), span - DAY):
            insert = f"INSERT INTO {table} ({names}) VALUES ({given})"  # noqa: S608 - ours
            await conn.execute(insert, ahead)

        done = [await conn.execute(OTHERS[name], set_back_store.BY) for _ in range(2)]

        rest = await conn.fetchval(
            f"SELECT max({column}) - now() FROM {table}"  # noqa: S608 - ours
        )
        assert done == ["UPDATE 1", "UPDATE 0"]
        assert rest <= span + timedelta(seconds=30)
        await conn.execute(f"DROP TABLE {table}")


async def test_what_ends_by_itself_is_brought_back_to_as_long_as_it_is_given(pool: Pool) -> None:
    given = {
        "panel_sessions": sign_in.WHOLE,
        "person_links": max(people.INVITED_FOR, people.PASSWORD_LINK_LIVES),
        "webhook_secrets": set_up.OLD_SECRET_LIVES,
    }
    spans = {one.table: one.span for one in PLANNED if one.column == "expires_at"}

    assert spans.keys() == given.keys()
    for table, span in given.items():
        assert await pool.fetchval("SELECT $1::text::interval", spans[table]) == span


async def test_sales_are_looked_at_soon_and_a_guarantee_ends_on_its_day(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        for bill, (state, due) in enumerate(
            (("due", DAY), ("due", DAY), ("settled", DAY), ("due", timedelta(minutes=0))), 1
        ):
            await conn.execute(
                "INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)"
                " VALUES ($1, $2, $3, now() + $4::interval, 'webhook')",
                TENANT,
                bill,
                state,
                due,
            )
        await conn.execute(
            "INSERT INTO sales (tenant_id, bill_id, status, amount, moment_at, origin, issue_at)"
            " SELECT tenant_id, bill_id, 'in_guarantee', 100, now(), 'webhook', due_at"
            "   FROM outbox WHERE bill_id = 2"
        )
        await ahead_by(conn, DAY)

        rows = await look(conn)
        again = await look(conn)

        far = await conn.fetch(
            "SELECT bill_id FROM outbox WHERE due_at > now() + interval '6 min' ORDER BY 1"
        )
    assert (rows, again) == (1, 0)
    assert [row["bill_id"] for row in far] == [2, 3]


async def test_looks_at_notas_and_days_of_the_brake_come_near_too(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        for bill, state in enumerate(("due", "settled"), 1):
            await conn.execute(
                "INSERT INTO sales (tenant_id, bill_id, status, amount, moment_at, origin)"
                " VALUES ($1, $2, 'uncertain', 100, now(), 'webhook')",
                TENANT,
                bill,
            )
            await conn.execute(
                "INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)"
                " VALUES ($1, $2, $3, now(), 'webhook')",
                TENANT,
                bill,
                state,
            )
            await conn.execute(
                "INSERT INTO notas (tenant_id, bill_id, revision, external_id, status,"
                " environment, amount, competencia, request, look_up_at, resend_at)"
                " VALUES ($1, $2, 1, $3, 'uncertain', 'Producao', 100, '2026-11-10', '',"
                " now() + interval '1 day', now() - interval '1 day')",
                TENANT,
                bill,
                f"p-{TENANT}-{bill}-1",
            )
        await conn.execute(
            "INSERT INTO nota_days (tenant_id, day) SELECT $1,"
            " (now() AT TIME ZONE 'UTC')::date + n FROM unnest(ARRAY[0, 1, 2]) AS n",
            TENANT,
        )
        await ahead_by(conn, DAY)

        assert await look(conn) == 2

        rows = await conn.fetch(
            "SELECT look_up_at <= now() AS near, resend_at < now() - interval '1 h' AS kept,"
            " cancel_again_at IS NULL AS none FROM notas ORDER BY bill_id"
        )
        days = await conn.fetchval("SELECT count(*) FROM nota_days")
    assert [tuple(row) for row in rows] == [(True, True, True), (False, True, True)]
    assert days == 2


async def test_a_list_that_was_read_by_a_clock_ahead_is_read_from_far_back(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        today = await conn.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
        found = []
        for listed_to in (None, today - DAY, today + 2 * DAY):
            await conn.execute(
                "INSERT INTO foreign_nota_marks (tenant_id, company_id, next_at, listed_to)"
                " VALUES ($1, 'c1', now(), $2) ON CONFLICT (tenant_id) DO UPDATE"
                " SET next_at = excluded.next_at, listed_to = excluded.listed_to",
                TENANT,
                listed_to,
            )
            days = await foreign_notas_store.claim(
                conn, TenantId(TENANT), "c1", lease=DAY, first_days=40
            )
            found.append(days)
    far_back = (today - 40 * DAY, today)
    assert found == [far_back, (today - DAY, today), far_back]


async def test_a_clock_that_is_right_brings_nothing_near(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await a_tenant(conn)
        await conn.execute(
            "INSERT INTO foreign_nota_marks (tenant_id, company_id, next_at)"
            " VALUES ($1, 'c1', now() + interval '1 hour')",
            TENANT,
        )
        await ahead_by(conn, timedelta(seconds=-3))

        assert await set_back_store.was_ahead_any_tenant(conn) is None
        assert await look(conn) == 0


async def a_tenant(conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone, status, active_from)"
        " VALUES ($1, 'x', 'pro', 'America/Sao_Paulo', 'active', now())",
        TENANT,
    )


async def ahead_by(conn: Connection, ahead: timedelta) -> None:
    """All was well, the database wrote by a clock that was so far ahead."""
    await conn.execute(
        "INSERT INTO database_life (one, system_identifier, wal_timeline, seen_at)"
        " VALUES (true, 1, 1, now() + $1::interval)"
        " ON CONFLICT (one) DO UPDATE SET seen_at = excluded.seen_at",
        ahead,
    )


async def look(conn: Connection) -> int:
    """As the reconciler looks each minute."""
    if await set_back_store.was_ahead_any_tenant(conn) is None:
        return 0
    return await set_back_store.bring_near_any_tenant(conn)
