"""Every page in a real browser: nothing an assistive device would trip over, nothing cut off."""

import re
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.db.closing import month_files_store
from shared.db.connection import Pool
from shared.domain.closing import Month
from shared.domain.ids import TenantId
from tests.browser.looking import look_at, signed_in
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import Panel

# A redirect, a download, or a page that is shown for a moment only.
NOT_PAGES = {
    "home",
    "follow_invitation",
    "follow_reset",
    "sale_pdf",
    "sale_xml",
    "sales_file",
    "closing_file_fetch",
    "closing_file_now",
    "closing_notas",
    "other_door",
    "other_door_back",
    "forgotten",  # where a mail server is named
}
OTHERWISE = {"sign_in", "invitation", "reset", "support", "past_run", "closing_file", "happened"}


@pytest.mark.timeout(900)
async def test_every_page_is_fit_to_be_seen(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    wrong: list[str] = []
    seen: set[str] = set()
    async with lively_panel(pool, sandbox, database, redis_url) as (panel, bills):
        async with signed_in(panel, chromium, TENANT) as page:
            for one in PAGES:
                if one.get is None or one.name in NOT_PAGES | OTHERWISE:
                    continue
                path = one.path.replace("{tenant}", TENANT)
                path = re.sub(r"\{bill\}", str(bills["denied"]), path)
                wrong += await look_at(page, panel.base + path, one.name)
                seen.add(one.name)
            base = f"{panel.base}/e/{TENANT}"
            for name in ("issued", "held", "guarantee"):
                wrong += await look_at(page, f"{base}/vendas/{bills[name]}", f"sale-{name}")
            wrong += await look_at(page, f"{base}/vendas/999999", "error-not-there")
            await page.goto(f"{base}/passadas")
            await page.get_by_label("Desde").fill("2026-03-01")
            await page.get_by_role("button", name="Ver a prévia").click()
            await page.wait_for_url("**/passadas/t*")
            wrong += await look_at(page, page.url, "past_run")
            moment = await panel.pool.fetchval("SELECT max(moment_at) FROM sales")
            lived = f"mes={Month.of(moment, ZoneInfo('America/Sao_Paulo'))}"
            wrong += await look_at(page, f"{base}/fechamento?{lived}", "closing-lived")
            wrong += await look_at(page, f"{base}/fechamento/diferencas?{lived}", "differences")
            await file_under_way(panel)
            for kind in ("xlsx", "csv-excel"):
                url = f"{base}/fechamento/arquivos/2026-10/{kind}"
                wrong += await look_at(page, url, f"closing_file-{kind}")
        async with signed_in(panel, chromium, await nobody_yet(panel)) as fresh:
            for name in ("", "/ativacao", "/regra", "/vendas", "/pendencias"):
                word = name.strip("/") or "visao-geral"
                url = fresh.url.partition("/e/")[0] + f"/e/{tenant_of(fresh.url)}{name}"
                wrong += await look_at(fresh, url, f"empty-{word}")
        async with signed_in(panel, chromium, TENANT, "support") as ours:
            wrong += await look_at(ours, f"{panel.base}/suporte", "support")
            happened = f"{panel.base}/e/{TENANT}/acontecimentos"
            wrong += await look_at(ours, happened, "happened")
            await ours.context.clear_cookies()
            wrong += await look_at(ours, f"{panel.base}/entrar", "sign_in")
            link = panel.base + await panel.invitation(TENANT, "finance")
            wrong += await look_at(ours, link, "invitation")
    seen |= OTHERWISE

    assert wrong == []
    assert seen == {one.name for one in PAGES if one.get} - NOT_PAGES


async def nobody_yet(panel: Panel) -> TenantId:
    return await panel.tenant("Empresa Nova")


def tenant_of(url: str) -> str:
    return url.partition("/e/")[2].partition("/")[0].partition("?")[0]


async def file_under_way(panel: Panel) -> None:
    """One file half made, one ready."""
    month, lease = Month(year=2026, month=10), month_files_store.KEEP
    async with panel.pool.acquire() as conn:
        for kind in month_files_store.KINDS:
            await month_files_store.ask(conn, TENANT, month, kind, by="Ana Souza (pa)")
            file = await month_files_store.claim(conn, TENANT, month, kind, lease=lease)
            assert file is not None
            await month_files_store.tell(conn, file, done=48_200, total=100_000, lease=lease)
            if kind == "xlsx":
                await month_files_store.finish(conn, file, size=9_500_000, rows=100_000)
