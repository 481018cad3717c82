"""The release before, with data of every kind in it, becomes this one; and its code still works."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from services.sandbox.enotas.records import Company, Nota
from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill
from shared.config.secret import Secret
from shared.config.settings import DatabaseSettings
from shared.crypto.seal import Sealer
from shared.db.backfill import backfills_store
from shared.db.closing import closing_locks_store
from shared.db.connection import Connection, Pool, open_pool
from shared.db.migrate import bring, migrate
from shared.db.outbox import outbox_store
from shared.db.revision import head_revision
from shared.db.sales import notas_store
from shared.db.sales.notas_store import KnownNota
from shared.db.tenants import brakes_store, issuers_store, key_canaries_store
from shared.db.tenants.connections_store import IssuerConnection
from shared.db.tenants.issuers_store import Issuers
from shared.domain.closing import Month
from shared.domain.ids import BackfillId, BillId, TenantId
from shared.domain.nota import VALID_NOTA
from shared.keys import WrongKeysError, prove_keys
from tests.services.emitter.conftest import PRODUCT_CODE, SEALER, TENANT, Desk, a_desk
from tests.services.emitter.test_parts import ask
from tests.stores import released
from tests.stores.released import AMOUNT, BACKFILL, LIVE, RELEASED, SAID, TRYING, OldNota, OldSale
from tests.support.servers import PostgresForTests

TRIES = TenantId("tbbbbbbbbbb")
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A database that was filled at the release before, and its two tenants."""

    url: str
    live: Desk
    tries: Desk
    bills: dict[str, Bill]
    tests: dict[str, Bill]

    @property
    def pool(self) -> Pool:
        return self.live.pool


@pytest_asyncio.fixture
async def at_release(postgres: PostgresForTests) -> AsyncIterator[str]:
    """The URL of an empty database at the revision of the release before."""
    name = f"upgrade_{uuid4().hex}"
    await postgres.run(f"CREATE DATABASE {name}")
    conn = await asyncpg.connect(postgres.url(name))
    await bring(conn, None, RELEASED)
    await conn.close()
    yield postgres.url(name)
    await postgres.drop(name)


@pytest_asyncio.fixture
async def installed(at_release: str) -> AsyncIterator[Installation]:
    settings = DatabaseSettings(url=Secret.of(at_release), pool_size=10, pooler="none")
    async with (
        open_pool(settings, application="tests") as pool,
        running_sandbox() as sandbox,
        a_desk(pool, sandbox, provide_live) as live,
    ):
        live.account.rate.limit = None
        tries = await try_out(live)
        bills = await released.leave(pool, live, LIVE)
        tests = await released.leave(pool, tries, TRYING)
        async with pool.acquire() as conn:
            await released.leave_the_rest(conn, TENANT, bills["issued"])
        yield Installation(url=at_release, live=live, tries=tries, bills=bills, tests=tests)


async def provide_live(pool: Pool, account: Account, company: Company) -> None:
    async with pool.acquire() as conn:
        await released.add_tenant(conn, TENANT, account, company, "Producao")


async def try_out(live: Desk) -> Desk:
    account = live.sandbox.vindi.create_account()
    account.rate.limit = None
    company = live.sandbox.enotas.create_company(key=live.sandbox.enotas.create_key().key)
    product = operations.create_product(account, code=PRODUCT_CODE)
    async with live.pool.acquire() as conn:
        await released.add_tenant(conn, TRIES, account, company, "Homologacao")
    return replace(live, account=account, company=company, tenant=TRIES, product_id=product.id)


async def everything(conn: Connection) -> Rows:
    """All rows of all tables but the revision, in an order of their own."""
    tables = await conn.fetch(
        "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'alembic_version'"
    )
    rows: Rows = {}
    for table in tables:
        found = await conn.fetch(f"SELECT to_jsonb(t) AS row FROM {table['name']} t")  # noqa: S608 - of the catalogue
        rows[table["name"]] = [row["row"] for row in found]
    return rows


async def upgraded(at: Installation) -> Installation:
    await migrate(at.url)
    await at.pool.expire_connections()  # as services that were started anew
    return at


def is_of_a_test(bills: set[int], row: dict[str, Any]) -> bool:
    return row.get("bill_id") in bills and row["tenant_id"] == TENANT


async def test_no_row_is_lost_and_none_changes_but_of_who_went_live_with_tests(
    installed: Installation,
) -> None:
    tests = {installed.bills[name].id for name in LIVE if name.endswith("ed as a test")}
    tests.add(installed.bills["pending as a test"].id)
    tests.remove(installed.bills["denied as a test"].id)
    async with installed.pool.acquire() as conn:
        before = await everything(conn)

    await upgraded(installed)

    async with installed.pool.acquire() as conn:
        after = await everything(conn)
    for table, rows in before.items():
        if table == "nota_days":
            continue
        columns = set(rows[0]) if rows else set()
        kept = [{name: row[name] for name in columns} for row in after[table]]
        changed = [row for row in rows if row not in kept]
        assert all(is_of_a_test(tests, row) for row in changed), (table, changed)
        added = len(kept) - len(rows)
        assert added == (len(tests) if table == "timeline" else 0), table


async def test_tests_are_no_history_for_the_brakes_of_a_day(installed: Installation) -> None:
    at = await upgraded(installed)

    async with at.pool.acquire() as conn:
        days = await conn.fetch("SELECT tenant_id, notas, amount, old FROM nota_days")
    # Five tests of the nine.
    assert [tuple(day) for day in days] == [(TENANT, 4, 90_000 - 4 * AMOUNT, 0)]


async def test_a_migration_that_was_interrupted_is_done_again(installed: Installation) -> None:
    conn = await asyncpg.connect(installed.url)
    await bring(conn, RELEASED, "0015")
    busy = await asyncpg.connect(installed.url)
    reading = busy.transaction()
    await reading.start()
    await busy.execute("LOCK TABLE reconciler_passes IN ACCESS SHARE MODE")
    await conn.execute("SET lock_timeout = '50ms'")
    with pytest.raises(asyncpg.LockNotAvailableError):
        await bring(conn, "0015")
    await conn.close()
    await reading.rollback()
    await busy.close()

    await upgraded(installed)

    assert await installed.pool.fetchval("SELECT version_num FROM alembic_version") == (
        head_revision()
    )


async def test_each_nota_belongs_to_the_connection_it_was_asked_for_under(
    installed: Installation,
) -> None:
    at = await upgraded(installed)

    async with at.pool.acquire() as conn:
        issuers = {one: await issuers_store.load(conn, SEALER, one) for one in (TENANT, TRIES)}
        born = await conn.fetch("SELECT * FROM notas WHERE status <> 'cancelled'")
        known = await newest(conn, at)
    assert [(one.environment, one.id) for one in connections(issuers[TENANT])] == [
        ("Producao", 1),
        ("Homologacao", 2),
    ]
    assert [(one.environment, one.id) for one in connections(issuers[TRIES])] == [
        ("Homologacao", 1)
    ]
    for nota in known:
        tenant = TRIES if TRIES in nota.external_id else TENANT
        connection = issuers[tenant].of(nota.connection_id)
        assert connection is not None
        assert connection.environment == nota.environment
        assert connection.company_id == (at.tries if tenant == TRIES else at.live).company.id
    # What may be sent again is bound to it in writing, before anybody goes to another company.
    assert all(row["connection_id"] for row in born if row["status"] not in VALID_NOTA)


async def test_going_live_before_leaves_its_tests_to_a_person(installed: Installation) -> None:
    at = await upgraded(installed)

    held = {name for name in LIVE if (await at.live.sale(at.bills[name])).code == "issued_as_test"}
    assert held == {"issued as a test", "pending as a test", "divided as a test"}
    for bill in at.tests.values():
        assert (await at.tries.sale(bill)).code != "issued_as_test"


async def test_the_keys_of_before_fit_and_others_do_not(installed: Installation) -> None:
    at = await upgraded(installed)

    async with at.pool.acquire() as conn:
        with pytest.raises(WrongKeysError):
            await prove_keys(conn, Sealer([b"another key, of thirty-two bytes"]))
        assert await key_canaries_store.read(conn) == []
        await prove_keys(conn, SEALER)
        assert len(await key_canaries_store.read(conn)) == 1


async def test_what_hangs_on_no_single_sale_is_read_as_it_was_written(
    installed: Installation,
) -> None:
    at = await upgraded(installed)

    async with at.pool.acquire() as conn:
        assert await closing_locks_store.get(conn, TENANT, Month(year=2026, month=1)) is not None
        backfill = await backfills_store.get(conn, TENANT, BackfillId(BACKFILL))
        found = await backfills_store.found(conn, TENANT, BackfillId(BACKFILL))
        limits = (await brakes_store.get(conn, TENANT)).limits
    assert backfill is not None
    assert (found.bills, found.known, found.new) == (2, 1, 1)
    assert (limits.notas_a_day, limits.old_days) == (500, 10)


async def test_every_statement_of_the_code_before_runs_on_the_new_schema(
    installed: Installation,
) -> None:
    at = await upgraded(installed)

    async with at.pool.acquire() as conn:
        for name, text in SAID.items():
            if not name.startswith("distribution."):  # they need Citus
                await conn.execute(f"EXPLAIN (GENERIC_PLAN) {text}")


async def test_the_code_before_goes_on_writing_until_it_is_gone(installed: Installation) -> None:
    at = await upgraded(installed)
    asked = OldSale(status="issuing", notas=[released.PENDING], row="due")
    again = replace(asked, notas=[OldNota(status="uncertain")])

    more = await released.leave(at.pool, at.live, {"pending": asked, "uncertain": again})
    company = at.live.company
    async with at.pool.acquire() as conn:
        await released.put_issuer(conn, TENANT, company.id, company.key, "Producao")
        await released.leave_the_rest(conn, TRIES, at.tests["issued"])

    await until_rest(at)
    for bill in more.values():
        assert (await at.live.sale(bill)).status == "issued"
        assert len(at.live.notas_of(bill)) == 1


async def test_an_emitter_goes_on_with_a_sale_of_every_kind(installed: Installation) -> None:
    at = await upgraded(installed)
    async with at.pool.acquire() as conn:
        assert await outbox_store.free_expired_any_tenant(conn) == 1
    await at.live.heard(*(BillId(bill.id) for bill in at.bills.values()))
    await at.tries.heard(*(BillId(bill.id) for bill in at.tests.values()))

    await until_rest(at)

    assert {name: await shown(at.live, bill) for name, bill in at.bills.items()} == {
        "waiting": ("waiting_payment", None),
        "queued": ("issued", None),
        "sending": ("issued", None),
        "uncertain": ("issued", None),
        "pending": ("issued", None),
        "issued": ("issued", None),
        "issued again": ("issued", None),
        "issued as a test": ("held", "issued_as_test"),
        "pending as a test": ("held", "issued_as_test"),
        "denied": ("denied", "denied_certificate"),
        "denied as a test": ("denied", "denied_certificate"),
        "cancelling": ("cancelled", "canceled_by_person"),
        "cancelled": ("cancelled", "canceled_by_person"),
        "cancel refused": ("cancel_refused", "canceled_by_person"),
        "held": ("held", "held_by_person"),
        "skipped": ("skipped", "before_activation"),
        "divided": ("issued", None),
        "divided as a test": ("held", "issued_as_test"),
    }
    assert {name: await shown(at.tries, bill) for name, bill in at.tests.items()} == {
        "issued": ("issued", None),
        "pending": ("issued", None),
        "denied": ("denied", "denied_certificate"),
    }
    assert at.live.sandbox.enotas.invariants.report()["ok"]


async def test_what_was_only_a_test_or_denied_goes_out_once_a_person_asks(
    installed: Installation,
) -> None:
    at = await upgraded(installed)
    for name in ("issued as a test", "pending as a test", "divided as a test"):
        await ask(at.live, at.bills[name], "issue")
    for name in ("denied", "denied as a test"):
        await ask(at.live, at.bills[name], "retry")

    await until_rest(at)

    for name, notas in {
        "issued as a test": [f"p-{TENANT}-{{}}-2"],
        "pending as a test": [f"p-{TENANT}-{{}}-2"],
        "divided as a test": [f"p-{TENANT}-{{}}x1-2", f"p-{TENANT}-{{}}x2-2"],
        "denied": [f"p-{TENANT}-{{}}-1"],
        "denied as a test": [f"p-{TENANT}-{{}}-2"],
    }.items():
        bill = at.bills[name]
        assert await shown(at.live, bill) == ("issued", None), name
        real = [one.external_id for one in at.live.notas_of(bill) if is_real(one)]
        assert sorted(real) == [one.format(bill.id) for one in notas]


def connections(issuers: Issuers) -> list[IssuerConnection]:
    return [one for one in (issuers.current, *issuers.left) if one is not None]


async def newest(conn: Connection, at: Installation) -> list[KnownNota]:
    found = []
    for tenant, bills in ((TENANT, at.bills), (TRIES, at.tests)):
        ids = [BillId(bill.id) for bill in bills.values()]
        for notas in (await notas_store.load_newest(conn, tenant, ids)).values():
            found += notas
    return found


async def shown(desk: Desk, bill: Bill) -> tuple[str, str | None]:
    sale = await desk.sale(bill)
    return sale.status, sale.code


def is_real(nota: Nota) -> bool:
    return nota.status == "Autorizada" and nota.body["ambienteEmissao"] == "Producao"


async def until_rest(at: Installation) -> None:
    await at.live.work()  # every tenant's
    for _ in range(6):
        await at.live.later()
        await at.live.work()
