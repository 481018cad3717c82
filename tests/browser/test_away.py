"""In a real browser: the database away under an open page, two tabs at the door, another site."""

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, expect

from services.panel.kit import cookies
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import Acting, acting_company
from tests.services.panel.lively import panel_beside
from tests.services.panel.support import PASSWORD
from tests.services.panel.test_interrupted import email_of
from tests.support.statement_proxy import statement_proxy

KEPT = "O que você preencheu está guardado aqui"


async def tab(company: Acting, chromium: Browser, base: str) -> Page:
    context = await chromium.new_context(locale="pt-BR")
    word = company.ana.cookie(cookies.SESSION)
    await context.add_cookies([{"name": cookies.SESSION, "value": word, "url": base}])
    page = await context.new_page()
    page.set_default_timeout(20_000)
    return page


async def focused(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.id"))


@pytest.mark.timeout(300)
async def test_a_page_lives_through_a_database_that_goes_away_and_comes_back(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with (
        acting_company(pool, sandbox, database, redis_url) as company,
        statement_proxy(database) as proxy,
        panel_beside(pool, sandbox, proxy.url, redis_url) as panel,
    ):
        page = await tab(company, chromium, panel.base)
        here = f"{panel.base}/e/{TENANT}"
        await page.goto(f"{here}/configuracoes")
        await page.get_by_label("Nome da empresa").fill("Escola que esperou")
        live = await page.context.new_page()
        await live.goto(f"{here}/pendencias")
        shown = await live.locator("#pendencias h2").all_inner_texts()
        proxy.cut(for_good=True)
        await live.evaluate("renew()")
        assert await live.locator("#pendencias h2").all_inner_texts() == shown

        await page.get_by_role("button", name="Salvar").click()
        await expect(page.get_by_text(KEPT)).to_be_visible()
        await page.get_by_role("button", name="Enviar de novo").press("Enter")
        await expect(page.get_by_text(KEPT)).to_be_visible()
        proxy.refuses = False
        await page.get_by_role("button", name="Enviar de novo").press("Enter")
        await expect(page.get_by_text("Salvo.")).to_be_visible()
        await pool.execute("UPDATE sales SET status = 'issued', code = NULL WHERE status = 'held'")
        await pool.execute("DELETE FROM kept_figures")
        await live.evaluate("renew()")
        left = await live.locator("#pendencias h2").all_inner_texts()
        await page.context.close()

    assert len(shown) > len(left)
    assert await pool.fetchval("SELECT name FROM tenants") == "Escola que esperou"


@pytest.mark.timeout(300)
async def test_a_session_that_ended_under_two_tabs_costs_neither_what_was_typed(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with acting_company(pool, sandbox, database, redis_url) as company:
        base, email = company.panel.base, await email_of(company.ana)
        one = await tab(company, chromium, base)
        other = await one.context.new_page()
        for page, name in ((one, "Escola Um"), (other, "Escola Dois")):
            await page.goto(f"{base}/e/{TENANT}/configuracoes")
            await page.get_by_label("Nome da empresa").fill(name)
        await pool.execute("DELETE FROM panel_sessions")
        for page in (one, other):
            await page.get_by_role("button", name="Salvar").click()
            await expect(page.get_by_text("o que você preencheu foi guardado")).to_be_visible()
        await one.get_by_label("E-mail").fill(email)
        await one.get_by_label("Senha").fill("não é esta")
        await one.get_by_label("Senha").press("Enter")
        await expect(one.get_by_text("não conferem")).to_be_visible()
        at_what_is_wrong = await focused(one)
        await one.get_by_label("Senha").fill(PASSWORD)
        await one.get_by_label("Senha").press("Enter")
        await one.get_by_role("button", name="Enviar agora").press("Enter")
        await expect(one.get_by_text("Salvo.")).to_be_visible()
        await other.get_by_role("button", name="Já entrei em outra aba").press("Enter")
        await other.get_by_role("button", name="Enviar agora").press("Enter")
        # The first tab changed it meanwhile: the second is told, with what was typed.
        await expect(other.get_by_text("O que mudou desde que você abriu")).to_be_visible()
        await expect(other.get_by_label("Nome da empresa")).to_have_value("Escola Dois")
        await one.context.close()

    assert at_what_is_wrong == "recusa"


@pytest.mark.timeout(300)
async def test_another_sites_form_does_nothing_to_whoever_is_signed_in(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with acting_company(pool, sandbox, database, redis_url) as company:
        base, before = company.panel.base, await company.name()
        page = await tab(company, chromium, base)
        await page.goto(f"{base}/e/{TENANT}")

        async def theirs(request: web.Request) -> web.Response:
            form = (
                f'<form method="post" action="{base}{request.query["to"]}">'
                '<input name="nome" value="Escola do outro"><button>Ganhe um prêmio</button></form>'
            )
            return web.Response(text=form, content_type="text/html")

        app = web.Application()
        app.router.add_get("/", theirs)
        runner = web.AppRunner(app)
        await runner.setup()
        # By another name, so that it is another site, which `127.0.0.1:1` beside `:2` is not.
        site = web.TCPSite(runner, "localhost", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            for to in (f"/e/{TENANT}/configuracoes", "/sair", "/conta", "/entrar"):
                await page.goto(f"http://localhost:{port}/?to={to}")
                await page.get_by_role("button", name="Ganhe um prêmio").click()
                assert "Escola do outro" not in await page.content()
                await page.goto(f"{base}/conta")
                await expect(page.get_by_role("heading", name="Sua conta")).to_be_visible()
        finally:
            await runner.cleanup()
        await page.context.close()

        assert await company.name() == before
