"""Without scripts: a company is activated and a held sale is mended by forms and links alone."""

import pytest
from playwright.async_api import Browser, Page, expect

from services.panel.pages import activation
from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from shared.commands.people import first_owner_link
from shared.db.connection import Pool
from shared.domain.ids import BillId, TenantId
from tests.browser.test_activation import finished, nothing
from tests.services.emitter.conftest import Desk, a_desk
from tests.services.panel.lively import panel_beside
from tests.services.panel.support import PASSWORD
from tests.services.panel.working import worked_off

WHOLE = {
    "street": "Rua A",
    "number": "1",
    "zipcode": "01001000",
    "neighborhood": "Centro",
    "city": "São Paulo",
    "state": "SP",
    "country": "BR",
}


async def press(page: Page, name: str) -> None:
    """Press a button of this name, by its beginning."""
    await page.get_by_role("button", name=name).first.click()


async def connect(page: Page, desk: Desk) -> None:
    """Vindi and the issuer, each on its page."""
    await page.get_by_role("link", name="Conectar a Vindi").click()
    await page.get_by_label("Chave privada da Vindi").fill(desk.account.keys[0].key)
    await press(page, "Conferir e guardar a chave")
    await page.get_by_role("link", name="Continuar").click()
    await page.get_by_role("link", name="Conectar o emissor").click()
    await page.get_by_label("Chave da API do eNotas").fill(desk.company.key)
    await page.get_by_label("Código da empresa no eNotas").fill(desk.company.id)
    await page.get_by_label("De verdade (produção)").check()
    await press(page, "Conferir e guardar a chave")
    await page.get_by_role("link", name="Continuar").click()


@pytest.mark.timeout(300)
async def test_activation_and_a_mended_sale_need_no_script(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with (
        a_desk(pool, sandbox, nothing) as desk,
        panel_beside(pool, sandbox, database, redis_url) as panel,
    ):
        context = await chromium.new_context(java_script_enabled=False, locale="pt-BR")
        page = await context.new_page()
        page.set_default_timeout(15_000)
        token = await first_owner_link(panel.pool, panel.sealer)
        await page.goto(f"{panel.base}/convite/{token}")
        await page.get_by_label("Seu nome").fill("Ana Souza")
        await page.get_by_label("E-mail").fill("ana@exemplo.com")
        await page.get_by_label("Nome da empresa").fill("Escola Aurora")
        await page.get_by_label("Senha nova").fill(PASSWORD)
        await press(page, "Criar acesso")
        assert page.url.endswith(activation.PATH.rpartition("/")[2])
        await connect(page, desk)
        await page.get_by_role("link", name="Responder às perguntas").click()
        await page.get_by_label("Código do serviço no município").fill("010700188")
        await page.get_by_label("Item da lista de serviços").fill("1.07")
        await page.get_by_label("Alíquota do ISS").fill("2,00")
        await press(page, "Salvar a regra")
        await press(page, "Ativar a emissão")
        await expect(page.get_by_text("Emissão ativa.")).to_be_visible()

        desk.tenant = TenantId(page.url.partition("/e/")[2].partition("/")[0])
        customer = operations.create_customer(
            desk.account, name="Dora Lima", registry_code="12345678909", address={}
        )
        bill = operations.sale(
            desk.account,
            customer_id=customer.id,
            lines=[{"product_id": desk.product_id, "amount": "179.90"}],
            paid=True,
            events=False,
        )
        await desk.heard(BillId(bill.id))
        await finished(desk)
        await page.get_by_role("link", name="Pendências").click()
        await expect(page.get_by_text("O endereço do cliente está incompleto.")).to_be_visible()
        operations.edit_customer(desk.account, customer_id=customer.id, address=WHOLE)
        await page.locator("summary", has_text="Já corrigi: avaliar todas de novo").click()
        await page.get_by_label("Por quê?").first.fill("endereço completo")
        await press(page, "Avaliar de novo (1 venda)")
        await worked_off(panel)
        await finished(desk)
        await page.reload()
        await expect(page.get_by_text("1 venda aceitou o pedido.")).to_be_visible()
        await page.goto(f"{panel.base}/e/{desk.tenant}/vendas/{bill.id}")
        await expect(page.get_by_role("link", name="Baixar PDF")).to_be_visible()
        await context.close()

        assert len(desk.notas_of(bill)) == 1
