"""A tenant leaves: disconnected at once, deleted whole after some days, and not before."""

import asyncio
import random
from datetime import timedelta

import asyncpg
import pytest

from shared.commands.checks import SetUpRefused
from shared.commands.privacy.depart import (
    ask_departure,
    cancel_departure,
    demand_staying,
    step_departure,
)
from shared.config.secret import Secret
from shared.crypto import columns
from shared.db.backfill import backfills_store
from shared.db.connection import Pool
from shared.db.people import memberships_store
from shared.db.privacy import departures_store, tenant_rows
from shared.db.privacy.departures_store import Departure
from shared.db.privacy.tenant_rows import KEYS
from shared.db.tenants import connections_store
from shared.domain.ids import BackfillId, PersonId, TenantId
from tests.privacy.found import columns_with, together
from tests.privacy.person import DORA, TENANT, Rows

OTHER = TenantId("tzzzzzzzzzz")
KEY_COLUMNS = """
    SELECT c.relname::text AS table_name,
           array_agg(a.attname::text ORDER BY k.place) AS columns
      FROM pg_constraint p JOIN pg_class c ON c.oid = p.conrelid
      CROSS JOIN LATERAL unnest(p.conkey) WITH ORDINALITY AS k (number, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
     WHERE p.contype = 'p' AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
     GROUP BY c.relname
"""


async def test_what_is_known_of_keys_is_what_the_schema_says(pool: Pool) -> None:
    there = {row["table_name"]: row["columns"] for row in await pool.fetch(KEY_COLUMNS)}

    assert {table: ["tenant_id", *(name for name, _ in keys)] for table, keys in KEYS.items()} == {
        table: there[table] for table in KEYS
    }


async def test_a_tenant_that_leaves_is_disconnected_at_once(rows: Rows) -> None:
    await connected(rows)

    departure = await ask(rows)

    assert departure.state == "waiting"
    assert departure.delete_at - departure.asked_at == timedelta(days=30)
    assert await rows.pool.fetchval("SELECT status FROM tenants") == "paused"
    assert await count(rows, "vindi_connections") == 0
    assert await count(rows, "issuer_connections") == 0
    open_secrets = "SELECT count(*) FROM webhook_secrets WHERE NOT revoked OR sealed IS NOT NULL"
    assert await rows.pool.fetchval(open_secrets) == 0
    keys = [
        columns.NOTA_CONNECTION_KEY.open(rows.sealer, TENANT, sealed, number)
        for number, sealed in await rows.pool.fetch(
            "SELECT connection_id, api_key FROM nota_connections"
        )
    ]
    assert keys == [b""]
    async with rows.pool.acquire() as conn:
        with pytest.raises(SetUpRefused, match="leaves"):
            await demand_staying(conn, TENANT)


async def test_an_import_under_way_ends_with_the_departure(rows: Rows) -> None:
    await connected(rows)
    await rows.pool.execute(
        "INSERT INTO backfills (tenant_id, backfill_id, dry_run, since, competencia, requested_by,"
        " reason) VALUES ($1, 'bf-1', false, '2026-01-01', 'original', 'Ana', 'atraso')",
        TENANT,
    )
    async with rows.pool.acquire() as conn:
        run = await backfills_store.claim(
            conn, TENANT, BackfillId("bf-1"), lease=timedelta(minutes=1)
        )
    assert run is not None

    await ask(rows)

    async with rows.pool.acquire() as conn, conn.transaction():
        assert not await backfills_store.advance(conn, run, run.position)  # its worker stops here
    assert await rows.pool.fetchval("SELECT status FROM backfills") == "cancelled"


async def test_a_wrong_name_disconnects_nobody(rows: Rows) -> None:
    await connected(rows)

    with pytest.raises(SetUpRefused) as refused:
        await ask(rows, name="Escola Aurore")

    assert refused.value.code == "name_differs"
    assert await count(rows, "vindi_connections") == 1
    assert await count(rows, "departures") == 0


async def test_notas_under_way_are_told_first(rows: Rows) -> None:
    await connected(rows)
    await rows.sale(DORA, 1, "issuing")
    await rows.nota(DORA, 1, "pending")

    with pytest.raises(SetUpRefused) as refused:
        await ask(rows)
    confirmed = await ask(rows, confirmed=("notas_under_way",))

    assert refused.value.code == "confirm_needed"
    assert confirmed.state == "waiting"


async def test_until_its_time_has_come_nothing_is_deleted_and_it_may_stay(rows: Rows) -> None:
    await rows.everywhere(DORA, 4000)
    await ask(rows)

    with pytest.raises(asyncpg.CheckViolationError):
        await rows.pool.fetchval("SELECT forget_audit_of_departed($1, 10)", TENANT)
    assert not await step_departure(rows.pool, TENANT)
    async with rows.pool.acquire() as conn, conn.transaction():
        stayed = await cancel_departure(conn, TENANT, by="Ana")
    await rows.pool.execute("UPDATE departures SET delete_at = asked_at")
    assert not await step_departure(rows.pool, TENANT)

    assert stayed.state == "cancelled"
    assert await count(rows, "sales") == 3
    async with rows.pool.acquire() as conn:
        await demand_staying(conn, TENANT)
    again = await ask(rows)
    assert (again.state, again.ended_by) == ("waiting", None)


async def test_everything_goes_and_the_last_look_says_so(rows: Rows) -> None:
    await connected(rows)
    await rows.everywhere(DORA, 4000)
    await rows.month_file(DORA)
    other = Rows(pool=rows.pool, sealer=rows.sealer, tenant=OTHER)
    await other.a_tenant()
    await people(rows)
    await other.sale(DORA, 1, "issued")
    await ask(rows)
    await let_time_pass(rows)

    departure = await deleted(rows)

    async with rows.pool.acquire() as conn:
        assert await tenant_rows.left_in(conn, TENANT) == []
    assert departure.state == "deleted"
    assert departure.gone["sales"] == 3
    assert departure.gone["events"] == 6
    assert departure.gone["audit"] == 1
    assert departure.people == 1
    left = [row["tenant_id"] for row in await rows.pool.fetch("SELECT tenant_id FROM tenants")]
    assert left == [OTHER]
    names = [row["name"] for row in await rows.pool.fetch("SELECT name FROM people")]
    assert sorted(names) == ["Bia", "Caio"]  # another tenant's too; and one of the staff
    assert await rows.pool.fetchval("SELECT customer_name FROM sales") == DORA.name
    found = await columns_with(rows.pool, rows.sealer, TENANT, (TENANT, "Escola Aurora"))
    assert together(found) == {"departures.tenant_id", "audit.detail", "tenants.name"}


async def test_who_is_added_to_another_company_meanwhile_stays(rows: Rows) -> None:
    other = Rows(pool=rows.pool, sealer=rows.sealer, tenant=OTHER)
    await other.a_tenant()
    await people(rows)
    await rows.pool.execute("DELETE FROM memberships WHERE tenant_id = $1", OTHER)

    async def remove() -> int:
        async with rows.pool.acquire() as conn, conn.transaction():
            return await tenant_rows.remove_people_any_tenant(conn, TENANT)

    async with rows.pool.acquire() as conn:
        async with conn.transaction():
            await memberships_store.put(conn, OTHER, PersonId("pbbbbbbbbbb"), "owner", by="Ana")
            removing = asyncio.create_task(remove())
            await waits_for_a_lock(rows)
        removed = await removing

    assert removed == 1
    names = [row["name"] for row in await rows.pool.fetch("SELECT name FROM people")]
    assert sorted(names) == ["Bia", "Caio"]


async def waits_for_a_lock(rows: Rows) -> None:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    sql += " AND datname = current_database()"
    async with asyncio.timeout(20):
        while not await rows.pool.fetchval(sql):
            await asyncio.sleep(0.01)


async def test_it_goes_on_wherever_it_was_killed(rows: Rows) -> None:
    chance = random.Random(3)
    for place in range(6):
        await rows.everywhere(DORA, 4000 + 10 * place)
    await ask(rows)
    await let_time_pass(rows)

    kills = 0
    longest = 0.0005  # no machine takes a step in this; it grows until most can be finished
    for _ in range(60):
        step = asyncio.create_task(step_departure(rows.pool, TENANT))
        done, _pending = await asyncio.wait({step}, timeout=chance.uniform(0, longest))
        longest = min(longest * 1.1, 0.05)
        if not done:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
            kills += 1
    departure = await deleted(rows)

    assert kills > 0
    assert departure.gone["sales"] == 18
    assert departure.gone["events"] == 36


async def connected(rows: Rows) -> None:
    async with rows.pool.acquire() as conn:
        await connections_store.put_vindi(
            conn,
            rows.sealer,
            TENANT,
            environment="production",
            api_key=Secret.of("a-vindi-key"),
            merchant_name="Escola",
            registry_code=None,
            merchant_id=1,
        )
        await connections_store.put_issuer(
            conn,
            rows.sealer,
            TENANT,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of("an-issuer-key"),
            company_id="c-1",
            company_name="Escola",
            company_cnpj=None,
            company_city=None,
            company_regime=None,
        )
    await rows.pool.execute("UPDATE tenants SET status = 'active', active_from = now()")
    for source in ("vindi", "enotas"):
        await rows.pool.execute(
            "INSERT INTO webhook_secrets (tenant_id, source, secret_hash, sealed)"
            " VALUES ($1, $2, $3, $4)",
            TENANT,
            source,
            bytes(32),
            rows.sealed(columns.WEBHOOK_SECRET, b"secret", source, bytes(32)),
        )


async def people(rows: Rows) -> None:
    """Ana belongs here alone, Bia to another tenant too, Caio is of the staff."""
    for person, name, staff in (
        ("paaaaaaaaaa", "Ana", None),
        ("pbbbbbbbbbb", "Bia", None),
        ("pccccccccc1", "Caio", "support"),
    ):
        await rows.pool.execute(
            "INSERT INTO people (person_id, email_word, email, name, password, staff)"
            " VALUES ($1, $2, ''::bytea, $3, '-', $4)",
            person,
            person.encode(),
            name,
            staff,
        )
        await rows.pool.execute(
            "INSERT INTO memberships (tenant_id, person_id, role, added_by)"
            " VALUES ($1, $2, 'owner', 'Ana')",
            TENANT,
            person,
        )
    await rows.pool.execute(
        "INSERT INTO memberships (tenant_id, person_id, role, added_by)"
        " VALUES ($1, 'pbbbbbbbbbb', 'owner', 'Ana')",
        OTHER,
    )


async def ask(
    rows: Rows, *, name: str = "Escola Aurora", confirmed: tuple[str, ...] = ()
) -> Departure:
    async with rows.pool.acquire() as conn, conn.transaction():
        return await ask_departure(
            conn,
            rows.sealer,
            TENANT,
            name=name,
            reason="contrato encerrado",
            days=30,
            by="Ana",
            confirmed=confirmed,
        )


async def let_time_pass(rows: Rows) -> None:
    await rows.pool.execute("UPDATE departures SET delete_at = asked_at")


async def deleted(rows: Rows) -> Departure:
    for _ in range(50):
        if not await step_departure(rows.pool, TENANT):
            break
    async with rows.pool.acquire() as conn:
        found = await departures_store.get(conn, TENANT)
    assert found is not None
    assert found.state == "deleted"
    return found


async def count(rows: Rows, table: str) -> int:
    return int(await rows.pool.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608 - ours
