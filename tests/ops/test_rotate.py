import base64
from pathlib import Path

import pytest

from shared.config.secret import Secret
from shared.crypto.seal import Sealer, UnsealError
from shared.db.connection import Pool
from shared.db.people import people_store
from shared.db.sealed_columns import SEALED
from shared.db.tenants import connections_store, tenants_store
from shared.domain.ids import PersonId, TenantId
from shared.domain.people import Person
from shared.ops.rotate import rotate

TENANT = TenantId("tabcdefghij")
OLD, NEW = (base64.urlsafe_b64encode(letter * 32).decode() for letter in (b"o", b"n"))
CUSTOMER = b'{"id": 1, "registry_code": "123.456.789-09"}'


def nothing(_column: str, _changed: int) -> None:
    return None


async def test_every_value_opens_under_the_new_key_alone(pool: Pool, database: str) -> None:
    old = Sealer.from_text([OLD])
    await a_tenant_with_secrets(pool, old)

    changed = await rotate(database, [NEW, OLD], nothing)
    again = await rotate(database, [NEW, OLD], nothing)
    words = await rotate(database, [NEW], nothing)

    new = Sealer.from_text([NEW])
    async with pool.acquire() as conn:
        found = await connections_store.get_vindi(conn, new, TENANT)
        word = await conn.fetchval("SELECT document_word FROM sales")
    assert found is not None
    assert found.api_key.reveal() == "a-vindi-key"
    assert (changed, again, words) == (2, 0, 1)
    assert word == new.word("12345678909", tenant=TENANT, purpose="document")


async def test_a_value_under_a_lost_key_stops_the_rotation_by_name(
    pool: Pool, database: str
) -> None:
    await a_tenant_with_secrets(pool, Sealer.from_text([OLD]))

    with pytest.raises(UnsealError, match="not configured"):
        await rotate(database, [NEW], nothing)


async def test_people_find_their_accounts_under_the_new_key(pool: Pool, database: str) -> None:
    old, new = Sealer.from_text([OLD]), Sealer.from_text([NEW])
    ana = Person(id=PersonId("paaaaaaaaaa"), name="Ana", staff=None)
    async with pool.acquire() as conn:
        await people_store.add(conn, old, ana, email="ana@exemplo.com", password="-")
        await people_store.set_totp(conn, old, ana.id, "A" * 32, [])

    await rotate(database, [NEW, OLD], nothing)
    await rotate(database, [NEW], nothing)

    async with pool.acquire() as conn:
        found = await people_store.by_email(conn, new, "ana@exemplo.com")
    assert found is not None
    assert (found.email, found.totp) == ("ana@exemplo.com", "A" * 32)


async def test_every_sealed_column_of_the_schema_is_rotated() -> None:
    folder = Path(__file__).parents[2] / "shared" / "db" / "migrations" / "sql"
    said = sum(
        "sealed" in line and " bytea" in line
        for file in folder.glob("*.sql")
        for line in file.read_text(encoding="utf-8").splitlines()
    )

    assert said <= len(SEALED)


async def a_tenant_with_secrets(pool: Pool, sealer: Sealer) -> None:
    sealed = sealer.seal(CUSTOMER, tenant=TENANT, purpose="customer")
    word = sealer.word("12345678909", tenant=TENANT, purpose="document")
    async with pool.acquire() as conn:
        await tenants_store.add(
            conn, TENANT, name="Empresa", plan="pro", timezone="America/Sao_Paulo"
        )
        await connections_store.put_vindi(
            conn,
            sealer,
            TENANT,
            environment="sandbox",
            api_key=Secret.of("a-vindi-key"),
            merchant_name="Empresa",
            registry_code=None,
        )
        await conn.execute(
            "INSERT INTO sales"
            " (tenant_id, bill_id, status, amount, origin, customer, document_word)"
            " VALUES ($1, 1, 'issued', 100, 'webhook', $2, $3)",
            TENANT,
            sealed,
            word,
        )
