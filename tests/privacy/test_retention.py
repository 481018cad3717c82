"""What the table says of time is done, at every tenant, and wherever it was killed."""

import asyncio
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from shared.commands.privacy.retention import Round, sweep_once
from shared.config.settings import DatabaseSettings
from shared.db import connection
from shared.db.connection import open_pool
from shared.db.people import memberships_store
from shared.domain.ids import PersonId, TenantId
from shared.domain.privacy import terms
from tests.privacy.found import columns_with, together
from tests.privacy.person import DORA, RUI, TENANT, Rows

OTHER = TenantId("tzzzzzzzzzz")
LONG_AGO = date(2014, 3, 1)


def a_round(rows: Rows, ended: Counter[str] | None = None) -> Round:
    counted = Counter[str]() if ended is None else ended

    def count(what: str, number: int) -> None:
        counted[what] += number

    return Round(pool=rows.pool, sealer=rows.sealer, years=terms.FISCAL_YEARS, ended=count)


async def sweep(rows: Rows) -> Counter[str]:
    ended: Counter[str] = Counter()
    while await sweep_once(a_round(rows, ended)):
        pass
    return +ended


async def test_nothing_goes_whose_time_is_not_up(rows: Rows) -> None:
    await rows.everywhere(DORA, 4000)
    before = await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)

    assert await sweep(rows) == Counter()
    assert await columns_with(rows.pool, rows.sealer, TENANT, DORA.words) == before


async def test_texts_and_links_go_after_their_time(rows: Rows) -> None:
    await rows.everywhere(DORA, 4000)
    await rows.pool.execute(
        "UPDATE notas SET denied_at = now() - $1::interval WHERE bill_id = 4000",
        terms.DENIED_TEXTS + timedelta(days=1),
    )
    await rows.pool.execute(
        "UPDATE sales SET updated_at = now() - $1::interval",
        terms.UNREAD_ANSWERS + timedelta(days=1),
    )
    await rows.pool.execute(
        "UPDATE unknown_denials SET last_at = now() - $1::interval",
        terms.UNKNOWN_TEXTS + timedelta(days=1),
    )
    for number, days in ((1, 31), (2, 29)):
        await rows.pool.execute(
            "INSERT INTO person_links (tenant_id, token_hash, kind, role, email, made_by, made_at,"
            " expires_at) VALUES ($1, $2, 'invitation', 'owner', ''::bytea, 'Ana', now(),"
            " now() - $3::interval)",
            TENANT,
            bytes([number]) * 32,
            timedelta(days=days),
        )

    ended = await sweep(rows)

    assert ended == Counter(denied_texts=1, unread_answers=3, unknown_denials=1, person_links=1)
    counted = await rows.pool.fetch(
        "SELECT detail->>'what' AS what FROM audit WHERE action = 'retention_swept'"
    )
    assert {row["what"] for row in counted} == set(ended)


async def test_the_text_of_a_refused_cancellation_goes_after_its_time_too(rows: Rows) -> None:
    for bill in (1, 2):
        await rows.sale(DORA, bill, "cancel_refused")
        await rows.nota(DORA, bill, "cancel_refused")
    await rows.pool.execute("UPDATE notas SET denied_at = NULL, cancel_sent_at = now()")
    await rows.pool.execute(
        "UPDATE notas SET cancel_sent_at = now() - $1::interval WHERE bill_id = 1",
        terms.DENIED_TEXTS + timedelta(days=1),
    )

    ended = await sweep(rows)

    assert ended == Counter(denied_texts=1)
    left = await rows.pool.fetch("SELECT bill_id FROM notas WHERE reason IS NOT NULL")
    assert [row["bill_id"] for row in left] == [2]


async def test_a_sale_whose_time_is_up_loses_its_customer_and_keeps_what_it_came_to(
    rows: Rows,
) -> None:
    for bill, competencia in ((1, LONG_AGO), (2, datetime.now(UTC).date())):
        await rows.sale(DORA, bill, "issued")
        await rows.nota(DORA, bill, "issued", competencia=competencia)
    await rows.sale(RUI, 3, "held", code="rule_manual")
    await rows.pool.execute("UPDATE sales SET moment_at = $1", LONG_AGO)
    await rows.pool.execute("UPDATE timeline SET why = ''")

    ended = await sweep(rows)

    sales = await rows.pool.fetch("SELECT bill_id, customer_name FROM sales")
    names = {row["bill_id"]: row["customer_name"] for row in sales}
    amounts = [row["amount"] for row in await rows.pool.fetch("SELECT amount FROM notas")]
    assert ended["persons"] == 2
    assert names == {1: "", 2: DORA.name, 3: ""}
    assert amounts == [10_000, 10_000]
    await rows.pool.execute("DELETE FROM notas WHERE bill_id = 2")
    await rows.pool.execute("DELETE FROM sales WHERE bill_id = 2")
    await rows.pool.execute("DELETE FROM bills WHERE bill_id = 2")
    for who in (DORA, RUI):
        assert together(await columns_with(rows.pool, rows.sealer, TENANT, who.words)) == set()


async def test_sales_that_are_not_over_after_all_these_years_lose_it_too(rows: Rows) -> None:
    for bill, status in enumerate(("held", "denied", "waiting_payment", "skipped"), 1):
        await rows.sale(DORA, bill, status, code=None if status == "waiting_payment" else "x")
    await rows.sale(RUI, 9, "queued")
    await rows.pool.execute("UPDATE outbox SET state = 'due' WHERE bill_id = 9")
    await rows.pool.execute("UPDATE sales SET moment_at = $1", LONG_AGO)

    assert (await sweep(rows))["persons"] == 4
    assert await named(rows) == {TENANT: 1}  # a worker has it, and would write it back


async def test_bills_that_never_became_a_sale_lose_it_by_their_own_day(rows: Rows) -> None:
    for bill in (1, 2):
        await rows.bill(DORA, bill)
    await rows.sale(DORA, 3, "skipped", code="rule_never")
    await rows.pool.execute("UPDATE sales SET moment_at = NULL, detail = ''")
    await rows.pool.execute("UPDATE timeline SET why = ''")
    await rows.pool.execute("UPDATE bills SET created_at = $1 WHERE bill_id <> 2", LONG_AGO)

    ended = await sweep(rows)
    await rows.pool.execute("DELETE FROM bills WHERE bill_id = 2")

    assert ended == Counter(bills=2)
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()


async def test_what_is_read_again_from_vindi_goes_again_within_a_week(rows: Rows) -> None:
    await rows.sale(DORA, 1, "skipped", code="rule_never")
    await rows.pool.execute("UPDATE sales SET moment_at = $1", LONG_AGO)
    await sweep(rows)
    await rows.pool.execute("UPDATE timeline SET why = ''")

    await rows.bill(DORA, 1, at=datetime.now(UTC))  # a month of then is compared once more
    at_once = await sweep(rows)
    await rows.pool.execute("UPDATE retention_walks SET ended_at = ended_at - interval '8 days'")

    assert at_once == Counter()
    assert await sweep(rows) == Counter(persons=1)
    assert together(await columns_with(rows.pool, rows.sealer, TENANT, DORA.words)) == set()
    await rows.pool.execute("UPDATE retention_walks SET ended_at = ended_at - interval '8 days'")
    assert await sweep(rows) == Counter()


async def test_what_is_to_be_kept_longer_is_left_by_a_walk_that_is_under_way(rows: Rows) -> None:
    for bill in range(1, 121):
        await rows.sale(DORA, bill, "skipped", code="rule_never")
    await rows.pool.execute("UPDATE sales SET moment_at = $1", LONG_AGO)
    await rows.pool.execute("UPDATE sales SET moment_at = '2000-03-01' WHERE bill_id = 120")

    await sweep_once(a_round(rows))
    longer = Round(pool=rows.pool, sealer=rows.sealer, years=20, ended=lambda _what, _rows: None)
    while await sweep_once(longer):
        pass

    assert await named(rows) == {TENANT: 70}


async def test_a_hundred_thousand_old_sales_are_walked_through_once(rows: Rows) -> None:
    """Sales that cannot go stand before those that can; a batch never begins at the first."""
    await rows.pool.execute(
        "INSERT INTO sales (tenant_id, bill_id, status, code, amount, moment_at, origin,"
        " customer_name)"
        " SELECT $1, n, 'skipped', 'x', 100, $2::timestamptz + n * interval '1 s', 'webhook',"
        " CASE WHEN n <= 200 OR n > 99700 THEN 'Alguém' ELSE '' END"
        " FROM generate_series(1, 100000) n",
        TENANT,
        datetime(2014, 3, 1, tzinfo=UTC),
    )
    await rows.pool.execute(
        "INSERT INTO outbox (tenant_id, bill_id, state, due_at, origin)"
        " SELECT $1, n, CASE WHEN n <= 200 THEN 'due' ELSE 'settled' END, now(), 'webhook'"
        " FROM generate_series(1, 100000) n",
        TENANT,
    )
    steps, ended = 0, Counter[str]()
    while await sweep_once(a_round(rows, ended)):
        steps += 1

    assert ended["persons"] == 300
    # 5,000 rows a page, and one for each fifty to be looked at: 200 that stay, 300 that go.
    assert steps <= 100_000 // 5_000 + (200 + 300) // 50
    assert await sweep_once(a_round(rows, ended)) == 0


async def test_every_tenant_has_its_turn_and_a_kill_costs_a_batch(rows: Rows) -> None:
    chance = random.Random(5)
    other = Rows(pool=rows.pool, sealer=rows.sealer, tenant=OTHER)
    await other.a_tenant()
    for one in (rows, other):
        for bill in range(120):
            await one.sale(DORA, bill + 1, "skipped", code="rule_never")
    await rows.pool.execute("UPDATE sales SET moment_at = $1", LONG_AGO)

    await sweep_once(a_round(rows))
    left_after_one = await named(rows)
    for _ in range(12):
        step = asyncio.create_task(sweep_once(a_round(rows)))
        await asyncio.wait({step}, timeout=chance.uniform(0, 0.02))
        step.cancel()
        await asyncio.gather(step, return_exceptions=True)
    await sweep(rows)

    assert left_after_one == {TENANT: 70, OTHER: 70}
    assert await named(rows) == {}


async def test_rows_that_somebody_holds_keep_no_other_tenants_in_place(
    rows: Rows, database_settings: DatabaseSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Rows(pool=rows.pool, sealer=rows.sealer, tenant=OTHER)
    await other.a_tenant()
    for one in (rows, other):
        await one.sale(DORA, 1, "skipped", code="rule_never")
    await rows.pool.execute("UPDATE sales SET moment_at = $1", LONG_AGO)
    monkeypatch.setattr(connection, "LOCK_TIMEOUT", timedelta(milliseconds=50))

    async with (
        open_pool(database_settings, application="impatient") as impatient,
        rows.pool.acquire() as held,
        held.transaction(),
    ):
        await held.execute("SELECT FROM sales WHERE tenant_id = $1 FOR UPDATE", TENANT)
        await sweep_once(replace(a_round(rows), pool=impatient))
        left = await named(rows)
    await sweep(rows)

    assert left == {TENANT: 1}
    assert await named(rows) == {}


async def test_old_lines_of_the_audit_go_and_younger_ones_cannot(rows: Rows) -> None:
    for years in (1, 5, 7, 9):
        await rows.pool.execute(
            "INSERT INTO audit (tenant_id, at, actor, action) VALUES ($1, now() - $2::interval,"
            " 'Ana', 'x')",
            TENANT,
            timedelta(days=365 * years + 2),
        )

    ended = await sweep(rows)

    assert ended == Counter(audit=2)
    with pytest.raises(asyncpg.CheckViolationError):
        await rows.pool.fetchval(
            "SELECT forget_old_audit($1, now() - interval '4 years', 10)", TENANT
        )


async def test_who_belongs_nowhere_is_forgotten_after_a_month(rows: Rows) -> None:
    for person, days, staff in (("paaaaaaaaaa", 40, None), ("pbbbbbbbbbb", 40, "support")):
        await add_person(rows, person, days, staff)
    await add_person(rows, "pcccccccccc", 20, None)
    await add_person(rows, "pdddddddddd", 40, None)
    await rows.pool.execute(
        "INSERT INTO memberships (tenant_id, person_id, role, added_by)"
        " VALUES ($1, 'pdddddddddd', 'owner', 'Ana')",
        TENANT,
    )

    assert await sweep(rows) == Counter(people=1)
    left = {row["person_id"] for row in await rows.pool.fetch("SELECT person_id FROM people")}
    assert left == {"pbbbbbbbbbb", "pcccccccccc", "pdddddddddd"}


async def test_who_is_added_to_a_company_just_now_stays(rows: Rows) -> None:
    await add_person(rows, "paaaaaaaaaa", 40, None)
    async with rows.pool.acquire() as conn, conn.transaction():
        await memberships_store.put(conn, TENANT, PersonId("paaaaaaaaaa"), "owner", by="Ana")
        meanwhile = await sweep(rows)
    assert meanwhile == await sweep(rows) == Counter()
    assert await rows.pool.fetchval("SELECT count(*) FROM memberships") == 1


async def add_person(rows: Rows, person: str, days: int, staff: str | None) -> None:
    await rows.pool.execute(
        "INSERT INTO people (person_id, email_word, email, name, password, staff, created_at,"
        " password_at) VALUES ($1, $2, ''::bytea, 'Alguém', '-', $3, now() - $4::interval,"
        " now() - $4::interval)",
        person,
        person.encode(),
        staff,
        timedelta(days=days),
    )


async def named(rows: Rows) -> dict[str, int]:
    sql = "SELECT tenant_id, count(*) FROM sales WHERE customer_name <> '' GROUP BY 1"
    return {row["tenant_id"]: row["count"] for row in await rows.pool.fetch(sql)}
