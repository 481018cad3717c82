"""Whatever goes wrong after a form was sent: what was typed is there, and is done once."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import BASE, CASES, Acting, Sending, acting_company
from tests.services.panel.support import Seen
from tests.services.panel.test_sent_twice import sent

KEPT = "O que você preencheu está guardado aqui"


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


async def once_more(one: Sending, told: Seen) -> Seen:
    """Press the button of the page that says what went wrong."""
    return await one.browser.post(one.path, told.form(one.path), follow=False)


async def test_a_form_sent_while_the_database_goes_away_is_sent_again_from_where_that_is_said(
    company: Acting,
) -> None:
    pool = company.panel.pool
    one = await CASES["settings"](company, 1)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT 1 FROM tenants WHERE tenant_id = $1 FOR UPDATE", TENANT)
        saves = asyncio.create_task(sent(one))
        while not await pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ):
            await asyncio.sleep(0.05)
        told = await saves
    again = await once_more(one, told)

    assert told.status == 503
    assert KEPT in told.text
    assert sorted(told.form(one.path)) == sorted(one.fields)
    assert again.status == 303
    assert await company.name() == "Escola 1"


async def test_a_bug_of_ours_costs_nobody_what_they_typed(company: Acting) -> None:
    pool = company.panel.pool
    one = await CASES["settings"](company, 1)
    await pool.execute(
        "ALTER TABLE tenants ADD CONSTRAINT wrong CHECK (name <> 'Escola 1') NOT VALID"
    )
    told = await sent(one)
    await pool.execute("ALTER TABLE tenants DROP CONSTRAINT wrong")
    again = await once_more(one, told)

    assert told.status == 500
    assert KEPT in told.text
    assert again.status == 303
    assert await company.name() == "Escola 1"


async def test_an_answer_that_was_lost_is_told_and_the_work_is_not_done_again(
    company: Acting,
) -> None:
    """The commit was done, the process died before it kept its answer."""
    pool = company.panel.pool
    one = await CASES["settings"](company, 1)
    await pool.execute(
        "ALTER TABLE idempotency_keys ADD CONSTRAINT dies CHECK (coalesce(status, 0) = 0) NOT VALID"
    )
    told = await sent(one)
    await pool.execute("ALTER TABLE idempotency_keys DROP CONSTRAINT dies")
    await pool.execute("UPDATE idempotency_keys SET alive_at = now() - interval '11 seconds'")
    changes = "SELECT count(*) FROM audit WHERE tenant_id = $1"
    before = await pool.fetchval(changes, TENANT)
    loop = asyncio.get_running_loop()
    began = loop.time()
    again = await once_more(one, told)

    assert (told.status, again.status) == (500, 409)
    assert "Este pedido já foi recebido" in again.text
    assert loop.time() - began < 15  # it is not waited for
    assert await pool.fetchval(changes, TENANT) == before


async def test_no_secret_and_no_form_of_another_site_is_kept(company: Acting) -> None:
    pool = company.panel.pool
    one = await CASES["settings"](company, 1)
    with_key = Sending(browser=one.browser, path=one.path, fields=[*one.fields, ("api_key", "k3y")])
    foreign = await one.browser.post(
        f"{BASE}/configuracoes", [("nome", "Outro site"), ("csrf", "x" * 44)], follow=False
    )
    await pool.execute("ALTER TABLE tenants ADD CONSTRAINT wrong CHECK (name = '') NOT VALID")
    secret = await sent(with_key)

    assert (secret.status, "k3y" in secret.html) == (500, False)
    assert "Senhas e chaves são digitadas de novo" in secret.text
    assert "Outro site" not in foreign.html
