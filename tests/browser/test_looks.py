"""Every page in a real browser: nothing an assistive device would trip over, nothing cut off."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page

from services.panel.app import PAGES
from services.sandbox.run import Sandbox
from shared.commands.tokens import make_token
from shared.db.closing import month_files_store
from shared.db.connection import Pool
from shared.domain.closing import Month
from shared.domain.ids import TenantId
from shared.domain.moment import VINDI_ZONE
from tests.browser.looking import look_at, look_at_here, signed_in
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import Panel
from tests.services.panel.working import worked_off

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
    "sales_workbook",
    "sales_kept",
    "sample_pdf",
    "sample_ask",
}
OTHERWISE = {
    "sign_in",
    "invitation",
    "reset",
    "support",
    "past_run",
    "sales_job",
    "sample_nota",
    "shadow_day",
    "closing_file",
    "happened",
    "tokens",
    "departures",
}


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
            wrong += await look_at_settled(panel, page, base)
            wrong += await look_at_many(panel, page, base)
            wrong += await look_at_rules(page, base)
            wrong += await look_at_the_start(panel, page, base)
        async with signed_in(panel, chromium, await nobody_yet(panel)) as fresh:
            for name in ("", "/ativacao", "/regra", "/vendas", "/pendencias"):
                word = name.strip("/") or "visao-geral"
                url = fresh.url.partition("/e/")[0] + f"/e/{tenant_of(fresh.url)}{name}"
                wrong += await look_at(fresh, url, f"empty-{word}")
        async with signed_in(panel, chromium, TENANT, "support") as ours:
            wrong += await look_at(ours, f"{panel.base}/suporte", "support")
            wrong += await look_at(ours, f"{panel.base}/suporte/saidas", "departures")
            happened = f"{panel.base}/e/{TENANT}/acontecimentos"
            wrong += await look_at(ours, happened, "happened")
            async with panel.pool.acquire() as conn:
                await make_token(conn, "robo-de-leitura", "read", days=30, by="tests")
            async with signed_in(panel, chromium, TENANT, "operator") as operator:
                wrong += await look_at(operator, f"{panel.base}/suporte/acessos", "tokens")
            await ours.context.clear_cookies()
            wrong += await look_at(ours, f"{panel.base}/entrar", "sign_in")
            link = panel.base + await panel.invitation(TENANT, "finance")
            wrong += await look_at(ours, link, "invitation")
    seen |= OTHERWISE

    assert wrong == []
    assert seen == {one.name for one in PAGES if one.get} - NOT_PAGES


async def look_at_many(panel: Panel, page: Page, base: str) -> list[str]:
    """An action for many, from the confirmation to what was refused."""
    await page.goto(f"{base}/vendas?status=skipped")
    await page.get_by_label("Todas as vendas do filtro").check()
    await page.get_by_role("button", name="Continuar").click()
    wrong = await look_at_here(page, "sales-confirm")
    await page.get_by_label("Por quê?").fill("conferência do mês")
    await page.get_by_role("button", name="Tentar de novo").click()
    await page.wait_for_url("**/vendas/acoes/j*")
    wrong += await look_at(page, page.url, "sales_job-running")
    await worked_off(panel)
    return wrong + await look_at(page, page.url, "sales_job")


async def look_at_settled(panel: Panel, page: Page, base: str) -> list[str]:
    """Notas of another system, one of them accepted, and a form that is told what changed."""
    day = datetime.now(VINDI_ZONE).date().replace(day=1) - timedelta(days=1)
    await panel.pool.execute(
        "INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, valid,"
        " raw_status, amount, competencia, number, created_on, read_at)"
        " SELECT $1, company_id, 'de-fora-' || n, 'de-fora-' || n, true, 'Autorizada', 3300, $2,"
        " '55', $2, now() FROM nota_connections, generate_series(1, 2) n WHERE tenant_id = $1",
        TENANT,
        day,
    )
    await page.goto(f"{base}/fechamento/diferencas?mes={day:%Y-%m}")
    await page.get_by_label("Marcar para aceitar").first.check()
    await page.get_by_label("Por quê?").first.fill("emitida no portal da prefeitura")
    await page.get_by_role("button", name="Aceitar estas notas").click()
    wrong = await look_at_here(page, "differences-accepted")
    await page.goto(f"{base}/configuracoes")
    await page.get_by_label("Nome da empresa").fill("Escola Nova")
    await panel.pool.execute("UPDATE tenants SET name = 'Outro nome' WHERE tenant_id = $1", TENANT)
    await page.get_by_role("button", name="Salvar").click()
    return wrong + await look_at_here(page, "settings-stale")


async def look_at_rules(page: Page, base: str) -> list[str]:
    """A change before it is in force, and an example of the text."""
    await page.goto(f"{base}/regra")
    await page.get_by_text("Mudar a regra").click()
    await page.get_by_label("O que a nota descreve").fill("Aulas: {produtos}")
    await page.get_by_role("button", name="Ver um exemplo de nota").click()
    wrong = await look_at_here(page, "rule-example")
    await page.get_by_role("button", name="Ver o que muda").last.click()
    return wrong + await look_at_here(page, "rule-preview")


async def look_at_the_start(panel: Panel, page: Page, base: str) -> list[str]:
    """A test nota, and a company in shadow."""
    await page.goto(f"{base}/ativacao/exemplo")
    await page.get_by_role("button", name="Emitir a nota de teste").click()
    wrong = await look_at(page, page.url, "sample_nota-waiting")
    panel.sandbox.clock.advance(3600)
    wrong += await look_at(page, page.url, "sample_nota")
    await panel.pool.execute(
        "UPDATE tenants SET status = 'shadow', active_from = NULL,"
        " shadow_from = now() - interval '5 days' WHERE tenant_id = $1",
        TENANT,
    )
    await panel.pool.execute(
        "UPDATE sales SET status = 'skipped', code = 'shadow_issue'"
        " WHERE tenant_id = $1 AND status = 'issued'",
        TENANT,
    )
    wrong += await look_at(page, f"{base}/ativacao/sombra", "shadow")
    wrong += await look_at(page, f"{base}/ativacao", "activation-shadow")
    day = await panel.pool.fetchval("SELECT max(competencia) FROM sales WHERE code LIKE 'shadow%'")
    return wrong + await look_at(page, f"{base}/ativacao/sombra/{day}", "shadow_day")


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
