"""Two people who save the same thing at the same moment: one is done, the other is told."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from services.panel.kit import sent_once
from services.sandbox.run import Sandbox
from shared.db.connection import Connection, Pool
from shared.db.tenants import idempotency_store
from shared.db.tenants.idempotency_store import Begun, KeyId
from shared.domain.backfill_run import Summary
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import BASE, CASES, Acting, Sending, acting_company, filled
from tests.services.panel.test_sent_twice import sent
from tests.services.panel.test_stale import CHANGED

# Forms that put something in the place of what was there, with how each is fetched.
OVERWRITE = ("rule_put", "limits", "settings", "people_change", "hooks", "rps", "sale")


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


async def forms(of: Acting, name: str) -> tuple[Sending, Sending]:
    """The same form of two tabs, whose pages show the same."""
    number = 1
    if name == "people_change":
        number = 0
        await sent(await CASES["invitation"](of, 9))
    return await CASES[name](of, number), await CASES[name](of, number)


async def test_of_two_who_save_at_once_the_second_is_told_what_the_first_did(
    company: Acting,
) -> None:
    wrong: dict[str, object] = {}
    for name in OVERWRITE:
        first, second = await forms(company, name)
        answers = await asyncio.gather(sent(first), sent(second))
        told = sorted(seen.status for seen in answers)
        late = next((seen for seen in answers if seen.status == 409), None)
        if told[0] >= 400 or late is None or CHANGED not in late.text:
            wrong[name] = [(seen.status, seen.text[:200]) for seen in answers]
    left = await company.panel.pool.fetchval(
        "SELECT count(*) FROM idempotency_keys WHERE actor = 'panel:seen'"
    )

    assert wrong == {}
    assert left == 0


async def test_whoever_waits_for_one_that_never_ends_is_told_and_loses_nothing(
    company: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sent_once, "PATIENCE", 0.2)
    one = await CASES["settings"](company, 1)
    seen = dict(one.fields)["visto"]
    begun = await somebody_saves(company.panel.pool, seen)
    before = await company.name()
    told = await sent(one)

    assert isinstance(begun, Begun)
    assert told.status == 409
    assert "Outra pessoa está salvando isto agora" in told.text
    assert sorted(told.form(one.path)) == sorted(one.fields)
    assert await company.name() == before

    await silent(company.panel.pool)
    again = await one.browser.post(one.path, told.form(one.path), follow=False)

    assert again.status == 303
    assert await company.name() == "Escola 1"


async def test_who_only_seemed_dead_undoes_nothing_of_whoever_went_on_in_their_place(
    company: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the look at the page and the commit, and woken after another's commit."""
    pool = company.panel.pool
    slow, fast = await forms(company, "settings")
    stopped, woken = asyncio.Event(), asyncio.Event()
    tell = idempotency_store.note

    async def late(conn: Connection, key: KeyId, begun: Begun) -> bool | None:
        if not stopped.is_set():
            stopped.set()
            await woken.wait()
        return await tell(conn, key, begun)

    monkeypatch.setattr(sent_once, "BEAT_EVERY", timedelta(minutes=1))
    monkeypatch.setattr(idempotency_store, "note", late)
    first = asyncio.create_task(sent(slow))
    await stopped.wait()
    await silent(pool, "panel:seen")
    waits = asyncio.create_task(sent(with_name(fast, "Quem seguiu")))
    # It holds the company's row while it is stopped: the other waits for that, with the turn.
    await turn_taken(pool)
    woken.set()
    lost, done = await asyncio.gather(first, waits)

    assert (lost.status, done.status) == (409, 303)
    assert sorted(lost.form(slow.path)) == sorted(slow.fields)
    assert await company.name() == "Quem seguiu"


async def test_a_process_that_is_killed_while_it_saves_makes_nobody_wait_for_long(
    company: Acting,
) -> None:
    pool = company.panel.pool
    one = await CASES["settings"](company, 1)
    seen = dict(one.fields)["visto"]
    assert isinstance(await somebody_saves(pool, seen, alive=True), Begun)
    waits = asyncio.create_task(sent(one))
    await asyncio.sleep(0.3)
    waited = not waits.done()
    await silent(pool, "panel:seen")

    assert (await waits).status == 303
    assert waited
    assert await company.name() == "Escola 1"


async def test_whoever_works_for_long_says_that_it_does(
    company: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = company.panel.pool
    monkeypatch.setattr(sent_once, "BEAT_EVERY", timedelta(milliseconds=20))
    one = await CASES["settings"](company, 1)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT 1 FROM tenants WHERE tenant_id = $1 FOR UPDATE", TENANT)
        saves = asyncio.create_task(sent(one))
        for _ in range(200):
            beats = await pool.fetchval(
                "SELECT count(*) FROM idempotency_keys WHERE alive_at > created_at"
            )
            if beats == 2:  # the form's, and its turn's
                break
            await asyncio.sleep(0.05)

    assert (await saves).status == 303
    assert beats == 2


async def silent(pool: Pool, actor: str = "%") -> None:
    """Nothing was heard for eleven seconds of whoever does a form."""
    await pool.execute(
        "UPDATE idempotency_keys SET alive_at = now() - interval '11 seconds'"
        " WHERE actor LIKE $1 AND status IS NULL",
        actor,
    )


async def turn_taken(pool: Pool) -> None:
    """Wait until somebody took the turn of one who is silent."""
    for _ in range(400):
        quiet = await pool.fetchval(
            "SELECT count(*) FROM idempotency_keys WHERE actor = 'panel:seen'"
            " AND now() - alive_at > interval '9 seconds'"
        )
        if quiet == 0:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody took the turn")


def with_name(one: Sending, name: str) -> Sending:
    fields = [(field, name if field == "nome" else value) for field, value in one.fields]
    return Sending(browser=one.browser, path=one.path, fields=fields)


async def somebody_saves(pool: Pool, seen: str, *, alive: bool = False) -> object:
    """A process that began and died."""
    word = hashlib.sha256(seen.encode()).hexdigest()
    key = KeyId(tenant_id=TENANT, actor="panel:seen", key=word)
    async with pool.acquire() as conn:
        return await idempotency_store.begin(conn, key, bytes.fromhex(word), alive=alive)


async def test_what_is_wrong_with_the_days_of_an_exception_is_said_where_it_is_seen(
    company: Acting,
) -> None:
    path = f"{BASE}/regra"
    one = await company.form(path, path, has=[("lugar", "0")], mudar="dias", x_dias="sete")
    told = await sent(one)

    assert told.status == 422
    assert "Os dias da exceção não mudaram. Deve ser um número inteiro" in told.text
    assert 'value="sete" aria-invalid="true" aria-describedby="recusa"' in told.html


async def test_a_form_that_was_refused_does_not_untick_another_form_of_its_page(
    company: Acting,
) -> None:
    path = f"{BASE}/regra"
    page = await company.ana.get(path)
    ticked = '<input type="checkbox" id="email" name="email" value="sim" checked>'
    assert ticked in page.html
    wrong = filled(
        company.ana, page, path, has=[("mudar", "excecao")], x_quando="guarantee_ended", x_dias=""
    )
    told = await sent(wrong)

    assert told.status == 422
    assert ticked in told.html


async def test_a_box_that_was_unticked_stays_so_when_something_else_is_wrong(
    company: Acting,
) -> None:
    path = f"{BASE}/limites"
    await sent(await company.form(path, path, notas="1.500", fora_do_comum="sim"))
    page = await company.ana.get(path)
    form = filled(company.ana, page, path, notas="1,5")
    kept = [field for field in form.fields if field[0] != "fora_do_comum"]
    told = await company.ana.post(path, kept)

    most = await company.panel.pool.fetchval(
        "SELECT notas_a_day FROM tenant_brakes WHERE tenant_id = $1", TENANT
    )
    assert most == 1500
    assert told.status == 422
    assert 'name="fora_do_comum" value="sim" checked' not in told.html
    assert 'value="1,5"' in told.html


async def test_nothing_is_imported_by_a_preview_whose_rule_was_changed_since(
    company: Acting,
) -> None:
    one = await CASES["past_run"](company, 0)
    await company.panel.pool.execute(
        "UPDATE backfills SET status = 'completed', finished_at = now(), summary = $1",
        Summary(bills=1, issue=1).to_json(),
    )
    path = f"{BASE}/passadas"
    page = await company.ana.get(one.path)
    stale = filled(company.ana, page, path, has=[("fazer", "importar")])
    await sent(await CASES["rule_put"](company, 0))
    told = await sent(stale)
    again = await company.ana.get(one.path)

    assert told.status == 409
    assert CHANGED in told.text
    assert "nada foi importado" in told.text
    assert "A regra mudou depois desta prévia" in again.text
    assert ("fazer", "importar") not in again.form(path)
    assert ("fazer", "previa") in again.form(path)
    imports = "SELECT count(*) FROM backfills WHERE NOT dry_run"
    assert await company.panel.pool.fetchval(imports) == 0
