"""Somebody in a hurry, on a slow line, who presses twice, goes back and types what cannot be."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.browser.test_looks import NOT_PAGES
from tests.services.emitter.conftest import TENANT
from tests.services.panel.acting import CASES, Acting, acting_company
from tests.services.panel.test_graded import filled
from tests.services.panel.test_sent_twice import sent

FIELDS = "input:not([type=hidden], [type=checkbox], [type=radio], [type=date], [type=password])"
# The forms of a page into which something is typed.
FORMS = f"""() => [...document.forms].flatMap((one, at) =>
    one.method === "post" && one.querySelector("{FIELDS}, textarea") ? [at] : [])"""
# Types what cannot be into each field of one, leaves out what is demanded, and sends it as a
# browser that checks nothing.
TYPE_NONSENSE = f"""at => {{
    const form = document.forms[at];
    for (const one of form.querySelectorAll("{FIELDS}, textarea"))
        one.value = one.inputMode || one.type === "email" || 0 < one.maxLength && one.maxLength < 21
            ? "§" : one.required ? "" : one.value;
    HTMLFormElement.prototype.submit.call(form);
}}"""
PRESS_THRICE = """one => {
    for (const _ of "123") one.click();
    const sent = document.querySelectorAll("form[data-sent]").length;
    return { sent, looks: getComputedStyle(one).cursor };
}"""
UNSEEN = """() => [...document.querySelectorAll(".wrong, #recusa")]
    .filter(one => !one.checkVisibility()).map(one => one.outerHTML)"""
REFUSED = "document.querySelectorAll('.wrong, #recusa').length"


@pytest_asyncio.fixture
async def company(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Acting]:
    async with acting_company(pool, sandbox, database, redis_url) as made:
        yield made


async def page_of(company: Acting, chromium: Browser) -> Page:
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="pt-BR")
    word = company.ana.cookie("notaponte")
    await context.add_cookies([{"name": "notaponte", "value": word, "url": company.panel.base}])
    page = await context.new_page()
    page.set_default_timeout(15_000)
    return page


@pytest.mark.timeout(300)
async def test_who_presses_twice_on_a_slow_line_sends_once_and_sees_that_it_is_sent(
    company: Acting, chromium: Browser
) -> None:
    page, posts = await page_of(company, chromium), 0
    free = asyncio.Event()

    async def slowly(route: Route) -> None:
        nonlocal posts
        if route.request.method == "POST":
            posts += 1
            await free.wait()
        await route.continue_()

    url = f"{company.panel.base}/e/{TENANT}/configuracoes"
    await page.goto(url)
    await page.route("**/configuracoes", slowly)
    await page.get_by_label("Nome da empresa").fill("Escola Nova")
    pressed = await page.get_by_role("button", name="Salvar").evaluate(PRESS_THRICE)
    free.set()
    await expect(page.get_by_text("Salvo.")).to_be_visible()

    assert pressed == {"sent": 1, "looks": "progress"}
    assert posts == 1
    assert await company.name() == "Escola Nova"

    await page.go_back()
    await expect(page.locator("form[data-sent]")).to_have_count(0)
    await page.get_by_label("Nome da empresa").fill("Escola Velha")
    await page.get_by_role("button", name="Salvar").click()
    told = page.get_by_text("O que mudou desde que você abriu a página")
    await expect(told.or_(page.get_by_text("Salvo."))).to_be_visible()
    await page.context.close()


@pytest.mark.timeout(300)
async def test_whatever_is_refused_is_seen(company: Acting, chromium: Browser) -> None:
    for name in ("limits", "hooks", "rps"):
        await sent(await CASES[name](company, 0))
    page, wrong, refused = await page_of(company, chromium), {}, 0
    ids = {"bill": str(company.bills["held"])}
    for one in PAGES:
        if one.get is None or one.door or not one.of_tenant or one.name in NOT_PAGES:
            continue
        url = company.panel.base + filled(one, TENANT, ids)
        answer = await page.goto(url)
        if answer is None or answer.status != 200:
            continue
        for at in await page.evaluate(FORMS):
            await page.goto(url)
            async with page.expect_navigation():
                await page.evaluate(TYPE_NONSENSE, at)
            refused += bool(await page.evaluate(REFUSED))
            if unseen := await page.evaluate(UNSEEN):
                wrong[f"{one.name} {at}"] = unseen
    await page.context.close()

    assert wrong == {}
    assert refused >= 10


@pytest.mark.timeout(300)
async def test_whoever_goes_back_after_a_form_is_not_asked_to_send_it_again(
    company: Acting, chromium: Browser
) -> None:
    page, base = await page_of(company, chromium), f"{company.panel.base}/e/{TENANT}"
    await page.goto(f"{base}/regra")
    await page.get_by_text("Mudar a regra").click()
    await page.get_by_label("O que a nota descreve").fill("Aulas: {produtos}")
    await page.get_by_role("button", name="Ver o que muda").last.click()
    await page.get_by_role("button", name="Testar").click()
    await expect(page.get_by_role("heading", name="O que a mudança faz")).to_be_visible()
    await page.get_by_role("button", name="Colocar em vigor").click()
    await expect(page.get_by_text("Regra salva.")).to_be_visible()
    for _ in range(3):
        seen = await page.go_back()
        assert seen is None or seen.request.method == "GET"
        await expect(page.get_by_role("heading", name="Regra", exact=True)).to_be_visible()
    await page.context.close()

    versions = "SELECT count(*) FROM rule_versions WHERE tenant_id = $1 AND created_by <> 'test'"
    assert await company.panel.pool.fetchval(versions, TENANT) == 1


def test_every_form_of_a_company_stands_on_a_page_that_may_be_gone_back_to() -> None:
    shown = {one.path for one in PAGES if one.get}
    posted = {one.path for one in PAGES if one.post and not one.get and one.of_tenant}

    assert {path for path in posted if path.rpartition("/")[0] not in shown} == set()
