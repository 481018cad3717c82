"""What the connections of a tenant are called, and what old rows make of them."""

from pathlib import Path

from shared.config.secret import Secret
from shared.crypto.seal import Sealer
from shared.db import migrations
from shared.db.connection import Connection, Pool
from shared.db.sales import notas_store
from shared.db.tenants import (
    connections_store,
    issuers_store,
    nota_connections_store,
    tenants_store,
)
from shared.domain.ids import BillId, TenantId
from shared.domain.nota import IssuerEnvironment

SQL = Path(str(migrations.__file__)).parent / "sql" / "0015_expand_nota_connections.sql"
SEALER = Sealer([b"k" * 32])
SEALER.binds_rows = False  # the migration ran under code that knew of no rows
LIVE, TESTING = TenantId("taaaaaaaaaa"), TenantId("tbbbbbbbbbb")
# As the commit before has it, without what came to hang on these tables since.
BEFORE = """
    DROP TABLE rps_numbers, rps_series, nota_connections;
    ALTER TABLE notas DROP COLUMN connection_id;
    ALTER TABLE vindi_connections DROP COLUMN merchant_id;
    DROP INDEX issuer_connections_by_company;
"""
ADD_SALE = """
    WITH s AS (
        INSERT INTO sales (tenant_id, bill_id, status, amount, origin)
        VALUES ($1, $2, $3, 100, 'webhook')
    )
    INSERT INTO notas (tenant_id, bill_id, revision, external_id, status, environment, amount,
                       competencia, request)
    VALUES ($1, $2, 1, $4, $5, $6, 100, '2026-11-10', '')
"""


async def put(
    conn: Connection, tenant: TenantId, company: str, environment: IssuerEnvironment, key: str
) -> None:
    await connections_store.put_issuer(
        conn,
        SEALER,
        tenant,
        kind="enotas",
        environment=environment,
        api_key=Secret.of(key),
        company_id=company,
        company_name=f"Empresa {company}",
        company_cnpj=None,
    )


async def add_tenant(conn: Connection, tenant: TenantId) -> None:
    await tenants_store.add(conn, tenant, name="Escola", plan="pro", timezone="America/Sao_Paulo")


async def keys(conn: Connection, tenant: TenantId) -> list[tuple[int | None, str, str]]:
    found = await issuers_store.load(conn, SEALER, tenant)
    known = [one for one in (found.current, *found.left) if one is not None]
    return [(one.id, one.company_id, one.api_key.reveal()) for one in known]


async def test_a_connection_that_was_left_keeps_its_id_and_its_key(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await add_tenant(conn, LIVE)
        await put(conn, LIVE, "A", "Producao", "key-of-a")
        await put(conn, LIVE, "B", "Producao", "key-of-b")
        left = await keys(conn, LIVE)
        await put(conn, LIVE, "a", "Producao", "new-key-of-a")

        assert left == [(2, "B", "key-of-b"), (1, "A", "key-of-a")]
        assert await keys(conn, LIVE) == [(1, "a", "new-key-of-a"), (2, "B", "key-of-b")]
        assert await nota_connections_store.current_id(conn, LIVE) == 1


async def test_a_renewed_key_serves_what_was_left_under_the_same_account(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await add_tenant(conn, LIVE)
        await put(conn, LIVE, "A", "Homologacao", "account")
        await put(conn, LIVE, "B", "Producao", "account")
        await put(conn, LIVE, "C", "Producao", "another")
        await put(conn, LIVE, "B", "Producao", "renewed")

        assert await keys(conn, LIVE) == [
            (2, "B", "renewed"),
            (1, "A", "renewed"),
            (3, "C", "another"),
        ]


async def test_a_connection_put_by_code_that_knows_no_ids_gets_one_when_it_is_read(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        await add_tenant(conn, LIVE)
        await put(conn, LIVE, "A", "Producao", "key-of-a")
        await conn.execute("UPDATE issuer_connections SET company_id = 'B'")

        assert [one[:2] for one in await keys(conn, LIVE)] == [(2, "B"), (1, "A")]


async def test_what_was_there_before_belongs_to_the_connection_of_its_environment(
    pool: Pool,
) -> None:
    async with pool.acquire() as conn:
        for tenant in (LIVE, TESTING):
            await add_tenant(conn, tenant)
        await put(conn, LIVE, f"of-{LIVE}", "Producao", "a-key")
        await put(conn, TESTING, f"of-{TESTING}", "Homologacao", "a-key")
        rows = [
            (LIVE, 1, "issued", "p", "issued", "Producao"),
            (LIVE, 2, "uncertain", "p", "uncertain", "Producao"),
            (LIVE, 3, "issued", "h", "issued", "Homologacao"),
            (LIVE, 4, "denied", "h", "denied", "Homologacao"),
            (TESTING, 5, "issued", "h", "issued", "Homologacao"),
        ]
        for tenant, bill, sale, letter, nota, environment in rows:
            name = f"{letter}-{tenant}-{bill}-1"
            await conn.execute(ADD_SALE, tenant, bill, sale, name, nota, environment)
        await conn.execute(BEFORE)

        await conn.execute(SQL.read_text(encoding="utf-8"))

        assert [one[:2] for one in await keys(conn, LIVE)] == [
            (1, f"of-{LIVE}"),
            (2, f"of-{LIVE}"),
        ]
        bills = [BillId(number) for number in range(1, 6)]
        born = {
            nota.external_id: nota.connection_id
            for tenant in (LIVE, TESTING)
            for notas in (await notas_store.load_newest(conn, tenant, bills)).values()
            for nota in notas
        }
        sales = await conn.fetch("SELECT bill_id, status, code FROM sales ORDER BY bill_id")
    assert list(born.values()) == [1, 1, 2, 2, 1]
    assert [tuple(row) for row in sales] == [
        (1, "issued", None),
        (2, "uncertain", None),
        (3, "held", "issued_as_test"),
        (4, "denied", None),
        (5, "issued", None),
    ]
