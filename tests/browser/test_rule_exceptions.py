"""An exception is opened and changed in a real browser: by keyboard alone, and without scripts."""

from playwright.async_api import Browser, Page, expect

from services.panel.pages import rule
from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.browser.looking import look_at_here, signed_in
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel


async def test_an_exception_is_changed_by_keyboard_and_without_scripts(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with lively_panel(pool, sandbox, database, redis_url) as (panel, _):
        base = panel.base + rule.PATH.format(tenant=TENANT)
        async with signed_in(panel, chromium, TENANT) as page:
            await page.goto(base)
            wrong = await changed_by_keyboard(page)
            kept = await page.context.storage_state()
        context = await chromium.new_context(java_script_enabled=False, storage_state=kept)
        bare = await context.new_page()
        await bare.goto(base)
        await changed_without_scripts(bare)
        await context.close()

    assert wrong == []


async def changed_by_keyboard(page: Page) -> list[str]:
    """Open the first exception, mistype, mend, foresee and put it; what looks wrong on the way."""
    link = page.get_by_role("link", name="Mudar a exceção 1")
    await link.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Mudar a exceção 1")).to_be_focused()
    wrong = await look_at_here(page, "rule-exception")
    await page.get_by_role("heading", name="Mudar a exceção 1").focus()
    await page.keyboard.press("Tab")
    product = page.get_by_label("Se o código do produto é")
    await expect(product).to_be_focused()
    await page.keyboard.press("End")
    await page.keyboard.type(", AULA")
    days = page.locator("#x_dias")
    await days.focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("mil")
    await page.keyboard.press("Enter")
    await expect(days).to_have_value("mil")
    await expect(days).to_be_focused()
    await expect(product).to_have_value("CURSO, AULA")
    wrong += await look_at_here(page, "rule-exception-wrong")
    await days.focus()
    await page.keyboard.press("Control+A")
    await page.keyboard.type("15")
    await page.keyboard.press("Enter")
    told = "Se o produto é CURSO ou AULA, emitir 15 dias após o pagamento."
    await expect(page.get_by_text(told, exact=True)).to_be_visible()
    await page.get_by_role("button", name="Colocar em vigor").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Regra salva.")).to_be_visible()
    return wrong


async def changed_without_scripts(page: Page) -> None:
    await page.get_by_role("link", name="Mudar a exceção 1").click()
    await page.get_by_label("Se o código do produto é").fill("CURSO")
    await page.get_by_label("Só quando eu mandar").first.check()
    await page.get_by_role("button", name="Ver o que muda").first.click()
    told = "Se o produto é CURSO, esperar que alguém escolha Emitir agora."
    await expect(page.get_by_text(told, exact=True)).to_be_visible()
    await page.get_by_role("button", name="Colocar em vigor").click()
    await expect(page.get_by_text(told)).not_to_have_count(0)
