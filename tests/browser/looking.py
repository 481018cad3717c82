"""Looking at pages: signed in, at both widths, in both colour schemes, with axe's eyes too."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.ids import TenantId
from shared.domain.people import STAFF, Rank
from tests.browser.conftest import SCREENSHOTS
from tests.services.panel.support import PASSWORD, Panel

Scheme = Literal["light", "dark"]
WIDTHS: Sequence[int] = (1280, 390)
SCHEMES: Sequence[Scheme] = ("light", "dark")
# One title, no step left out below it, one main part: the order in which a page is heard.
OUTLINE = """() => {
    const heads = [...document.querySelectorAll("h1, h2, h3, h4")];
    const seen = heads.filter(one => one.checkVisibility());
    const levels = seen.map(one => Number(one.tagName[1]));
    const wrong = levels[0] === 1 ? [] : ["begins with no title"];
    if (levels.filter(one => one === 1).length > 1) wrong.push("has two titles");
    if (levels.some((one, at) => at && one > levels[at - 1] + 1)) wrong.push("leaves a level out");
    if (document.querySelectorAll("main").length !== 1) wrong.push("has no main part, or two");
    return wrong;
}"""
AXE_OPTIONS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@asynccontextmanager
async def signed_in(
    panel: Panel, chromium: Browser, tenant: TenantId, role: Rank = "owner"
) -> AsyncIterator[Page]:
    """A page of somebody who joined by invitation, through the form."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="pt-BR")
    page = await context.new_page()
    page.set_default_timeout(15_000)
    place = NO_TENANT if role in STAFF else tenant
    await page.goto(panel.base + await panel.invitation(place, role))
    await page.get_by_label("Seu nome").fill("Ana Souza")
    await page.get_by_label("E-mail").fill(f"ana-{role}-{tenant}@exemplo.com")
    await page.get_by_label("Senha nova").fill(PASSWORD)
    await page.get_by_role("button", name="Criar acesso").click()
    await page.wait_for_url(lambda url: "/convite" not in url)
    yield page
    await context.close()


async def look_at(page: Page, url: str, name: str) -> list[str]:
    """Go there, take four pictures; what is wrong with it, in words."""
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type == "error" else None)
    await page.goto(url)
    wrong = await look_at_here(page, name)
    # A page that says that nothing is there is answered so, which the console repeats.
    return wrong + [f"{name}: {text}" for text in heard if "404 (Not Found)" not in text]


async def look_at_here(page: Page, name: str) -> list[str]:
    """Four pictures of the page as it is; what is wrong with it, in words."""
    wrong = [f"{name}: {what}" for what in await page.evaluate(OUTLINE)]
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 900 if width > 600 else 844})
            wide = await page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
            if wide:
                wrong.append(f"{name} at {width}: scrolls sideways")
            file = SCREENSHOTS / f"{name}-{width}-{scheme}.png"
            await page.screenshot(path=file, full_page=True)
            results = await Axe().run(page, options=AXE_OPTIONS)
            wrong += [
                f"{name} at {width} {scheme}: {one['id']}: {one['nodes'][0]['html'][:160]}"
                for one in results.response["violations"]
            ]
    await page.set_viewport_size({"width": 1280, "height": 900})
    await page.emulate_media(color_scheme="light")
    return wrong
