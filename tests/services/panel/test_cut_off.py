"""Redis, Vindi, the issuer or the database away while somebody works: told, kept, back again."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from services.panel.app import PAGES
from services.panel.kit import downloads
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import BASE, CASES, Acting, Sending, acting_company
from tests.services.panel.lively import panel_beside
from tests.services.panel.support import Browser, Panel, Seen
from tests.services.panel.test_graded import filled, real_ids
from tests.services.panel.test_interrupted import SECRETS
from tests.services.panel.test_sent_twice import sent
from tests.support.statement_proxy import Statement, StatementProxy, When, statement_proxy

NOWHERE = "http://127.0.0.1:1"
NO_REDIS = "redis://127.0.0.1:1/0"
PATIENCE = 30.0  # seconds, on a slow machine; a person is told long before
BROKEN_OFF = (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError)
KEPT = "O que você preencheu está guardado aqui"
# Which do nothing without Vindi's or the issuer's word.
NEED_THEM = {"activation_vindi", "activation_issuer", "sample_ask"}


def by(panel: Panel, browser: Browser) -> Browser:
    """The same browser before another process of the panel: sessions are in the database."""
    return Browser(base=panel.base, http=browser.http)


def through(panel: Panel, one: Sending) -> Sending:
    return replace(one, browser=by(panel, one.browser))


def lost(one: Sending, told: Seen) -> list[str]:
    """What was typed and does not stand in the page that answers."""
    kept = {value for _, fields in told.forms for _, value in fields}
    typed = [
        v for n, v in one.fields if n not in SECRETS | {"csrf", "visto", "segredo", "uma_vez"} and v
    ]
    return [v for v in typed if v not in kept and v not in told.html]


async def test_every_form_is_done_or_told_while_nobody_outside_answers(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    alone = replace(sandbox, vindi_url=NOWHERE, enotas_url=NOWHERE)
    wrong: dict[str, object] = {}
    async with (
        acting_company(pool, sandbox, database, redis_url) as company,
        panel_beside(pool, alone, database, NO_REDIS) as cut_off,
    ):
        for name, case in CASES.items():
            one = through(cut_off, await case(company, 0))
            began = time.monotonic()
            seen = await sent(one)
            took = time.monotonic() - began
            told = seen.status in (409, 422, 503) and name in NEED_THEM and not lost(one, seen)
            if (seen.status >= 400 and not told) or took > PATIENCE:
                wrong[name] = (seen.status, took, lost(one, seen), seen.text[:200])

    assert wrong == {}


@asynccontextmanager
async def behind(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Acting, Panel, StatementProxy]]:
    """A company, and a process of the panel whose database can go away."""
    async with (
        acting_company(pool, sandbox, database, redis_url) as company,
        statement_proxy(database) as proxy,
        panel_beside(pool, sandbox, proxy.url, redis_url) as panel,
    ):
        yield company, panel, proxy


async def test_while_the_database_is_away_every_page_says_so_and_every_form_is_kept(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    wrong: list[tuple[str, object]] = []
    async with behind(pool, sandbox, database, redis_url) as (company, panel, proxy):
        ids = await real_ids(panel, company.bills)
        ana = by(panel, company.ana)
        assert (await ana.get(BASE)).status == 200
        forms = {
            name: through(panel, await case(company, 0))
            for name, case in CASES.items()
            if name in ("settings", "rule_put", "closing", "people", "past", "attention", "sale")
        }
        proxy.cut(for_good=True)
        for page in PAGES:
            if page.get is None:
                continue
            began = time.monotonic()
            seen = await ana.get(filled(page, TENANT, ids), follow=False)
            at_the_door = page.door and seen.status in (200, 303, 404)
            if not at_the_door and (
                seen.status != 503
                or "indisponível por um momento" not in seen.text
                or seen.headers.get("Retry-After") is None
            ):
                wrong.append((page.name, (seen.status, seen.text[:100])))
            if time.monotonic() - began > PATIENCE:
                wrong.append((page.name, "late"))
        told = {name: await sent(one) for name, one in forms.items()}
        for name, seen in told.items():
            if seen.status != 503 or KEPT not in seen.text or lost(forms[name], seen):
                wrong.append((name, (seen.status, lost(forms[name], seen), seen.text[:100])))
        proxy.refuses = False
        assert (await ana.get(BASE)).status == 200
        for name, seen in told.items():
            again = await ana.post(forms[name].path, seen.form(forms[name].path), follow=False)
            if again.status >= 400:
                said = again.html.partition("recusa")[2][:200]
                wrong.append((name, (seen.form(forms[name].path), again.status, said)))

    assert wrong == []


async def test_who_signs_in_while_the_database_goes_away_loses_nothing_of_what_was_kept(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    async with behind(pool, sandbox, database, redis_url) as (company, panel, proxy):
        one = through(panel, await CASES["settings"](company, 0))
        await pool.execute("DELETE FROM panel_sessions")
        door = await one.browser.post(one.path, one.fields)
        proxy.cut(for_good=True)
        told = await one.browser.send(door, "/entrar", email="a@b.co", senha="x")
        proxy.refuses = False
        again = await one.browser.send(told, "/entrar", senha="x")

    assert (door.status, told.status, again.status) == (401, 503, 422)
    for seen in (door, told, again):
        assert ("guardado.nome", "Escola 0") in seen.form("/entrar")


@pytest.mark.parametrize(
    "ends",
    [
        "DELETE FROM memberships WHERE role = 'owner'",
        "UPDATE memberships SET role = 'accountant' WHERE role = 'owner'",
        "DELETE FROM panel_sessions",
    ],
)
async def test_a_download_ends_for_whoever_is_let_in_no_more(
    pool: Pool,
    sandbox: Sandbox,
    database: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    ends: str,
) -> None:
    monkeypatch.setattr(downloads, "LOOK_EVERY", 0.0)
    async with behind(pool, sandbox, database, redis_url) as (company, panel, proxy):
        ana = by(panel, company.ana)

        async def look(statement: Statement) -> None:
            if "list_newest_first" in statement.name and statement.when is When.DONE:
                await pool.execute(ends)

        whole = await ana.get(f"{BASE}/vendas.csv")
        proxy.count_anew(look)
        with pytest.raises(BROKEN_OFF):
            await ana.get(f"{BASE}/vendas.csv")

    assert whole.status == 200


async def test_a_download_that_the_database_ends_is_broken_off_and_never_looks_whole(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    async with behind(pool, sandbox, database, redis_url) as (company, panel, proxy):
        ana = by(panel, company.ana)
        asked = 0

        async def look(statement: Statement) -> None:
            nonlocal asked
            if "list_newest_first" in statement.name and statement.when is When.UNHEARD:
                asked += 1
                if asked > 1:
                    proxy.cut()

        whole = await ana.get(f"{BASE}/vendas.csv")
        proxy.count_anew(look)
        with pytest.raises(BROKEN_OFF):
            await ana.get(f"{BASE}/vendas.csv")
        proxy.count_anew()
        again = await ana.get(f"{BASE}/vendas.csv")

    assert whole.status == again.status == 200
    assert whole.raw == again.raw
