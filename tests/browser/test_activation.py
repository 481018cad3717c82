"""From an empty panel to the first nota, and from a held sale to its nota, without a pointer."""

import pytest
from playwright.async_api import Browser, Page, expect

from services.panel.pages import activation
from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from shared.commands.people import first_owner_link
from shared.db.connection import Pool
from shared.domain.ids import BillId, TenantId
from tests.services.emitter.conftest import TENANT, Desk, a_desk, provide
from tests.services.panel.lively import panel_beside
from tests.services.panel.support import PASSWORD, Panel
from tests.services.panel.working import worked_off

MOST_TABS = 120
# What stands for the focused element: its label, or what it says.
FOCUSED = """() => {
    const one = document.activeElement;
    const label = one.labels && one.labels.length ? one.labels[0].textContent : "";
    const name = one.getAttribute("aria-label") || label || one.textContent || "";
    return name.replace(/\\s+/g, " ").trim();
}"""


async def go_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    for _ in range(MOST_TABS):
        await page.keyboard.press("Tab")
        if (await page.evaluate(FOCUSED)).startswith(name):
            return
    pytest.fail(f"no key leads to {name}")


async def type_into(page: Page, name: str, text: str) -> None:
    await go_to(page, name)
    await page.keyboard.press("ControlOrMeta+A")
    await page.keyboard.type(text)


async def press(page: Page, name: str) -> None:
    await go_to(page, name)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def nothing(*_: object) -> None:
    return None


@pytest.mark.timeout(300)
async def test_a_company_is_activated_by_keyboard_and_gets_its_first_nota(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with (
        a_desk(pool, sandbox, nothing) as desk,
        panel_beside(pool, sandbox, database, redis_url) as panel,
    ):
        page = await a_page(chromium)
        token = await first_owner_link(panel.pool, panel.sealer)
        await page.goto(f"{panel.base}/convite/{token}")
        await type_into(page, "Seu nome", "Ana Souza")
        await type_into(page, "E-mail", "ana@exemplo.com")
        await type_into(page, "Nome da empresa", "Escola Aurora")
        await type_into(page, "Senha nova", PASSWORD)
        await press(page, "Criar acesso")
        assert page.url.endswith(activation.PATH.rpartition("/")[2])

        await connect(page, desk)
        await press(page, "Fazer: Responder às perguntas")
        await type_into(page, "Código do serviço no município", "010700188")
        await type_into(page, "Item da lista de serviços", "1.07")
        await type_into(page, "Alíquota do ISS", "2,00")
        await press(page, "Salvar a regra")
        await expect(page.get_by_text("Tudo pronto.")).to_be_visible()
        await press(page, "Ativar a emissão")
        await expect(page.get_by_text("Emissão ativa.")).to_be_visible()

        desk.tenant = TenantId(page.url.partition("/e/")[2].partition("/")[0])
        bill = await desk.sold(customer={"name": "Primeira Cliente"})
        await finished(desk)
        await press(page, "Vendas")
        await expect(page.locator("#lista").get_by_text("Emitida")).to_be_visible()
        await press(page, str(bill.id))
        await expect(page.get_by_role("link", name="Baixar PDF")).to_be_visible()
        await page.context.close()


async def connect(page: Page, desk: Desk) -> None:
    """Both keys; each wrong one is answered by what to do."""
    await press(page, "Fazer: Conectar a Vindi")
    await type_into(page, "Chave privada da Vindi", "uma-chave-qualquer")
    await press(page, "Conferir e guardar a chave")
    await expect(page.get_by_text("A Vindi não aceitou esta chave.")).to_be_visible()
    # What is wrong has the focus already.
    await page.keyboard.type(desk.account.keys[0].key)
    await press(page, "Conferir e guardar a chave")
    await expect(page.get_by_text("Conectado à conta")).to_be_visible()
    await press(page, "Continuar")
    await press(page, "Fazer: Conectar o emissor")
    await type_into(page, "Chave da API do eNotas", desk.company.key)
    await type_into(page, "Código da empresa no eNotas", desk.company.id)
    await go_to(page, "De teste (homologação)")
    await page.keyboard.press("ArrowDown")
    await press(page, "Conferir e guardar a chave")
    await expect(page.get_by_text("Conectado à empresa")).to_be_visible()
    await press(page, "Continuar")


@pytest.mark.timeout(300)
async def test_why_a_sale_is_held_is_found_mended_and_sent_by_keyboard(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with (
        a_desk(pool, sandbox, provide) as desk,
        panel_beside(pool, sandbox, database, redis_url) as panel,
    ):
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
        page = await joined(panel, chromium)

        await press(page, "Pendências")
        await expect(page.get_by_text("O endereço do cliente está incompleto.")).to_be_visible()
        whole = {"street": "Rua A", "number": "1", "zipcode": "01001000", "neighborhood": "Centro"}
        whole |= {"city": "São Paulo", "state": "SP", "country": "BR"}
        operations.edit_customer(desk.account, customer_id=customer.id, address=whole)
        await go_to(page, "Já corrigi: avaliar todas de novo")
        await page.keyboard.press("Enter")
        await type_into(page, "Por quê?", "endereço completo")
        await press(page, "Avaliar de novo (1 venda)")
        await expect(page.get_by_text("0 de 1")).to_be_visible()
        await worked_off(panel)
        await finished(desk)
        await expect(page.get_by_text("1 venda aceitou o pedido.")).to_be_visible()
        await expect(page.locator("#dito")).to_have_text("Concluído")
        await expect(page.get_by_role("button", name="Interromper")).to_have_count(0)
        await expect(page.locator("[data-live]")).to_have_count(0)  # or it would ask without end
        await press(page, "Pendências")
        await expect(page.get_by_text("Nada pede a sua atenção")).to_be_visible()
        assert len(desk.notas_of(bill)) == 1
        await page.context.close()


@pytest.mark.timeout(300)
async def test_exceptions_are_sorted_by_keyboard_before_anything_is_in_force(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, chromium: Browser
) -> None:
    async with (
        a_desk(pool, sandbox, provide) as desk,
        panel_beside(pool, sandbox, database, redis_url) as panel,
    ):
        await desk.rule(
            exceptions=[
                {"if": {"product_code": [code]}, "issue_when": "never"} for code in ("A1", "B2")
            ]
        )
        page = await joined(panel, chromium)
        await press(page, "Regra")
        await go_to(page, "Mover a exceção 2")
        await page.keyboard.press("ArrowUp")
        assert (await page.evaluate(FOCUSED)).startswith("Mover a exceção 2")
        await expect(page.get_by_text("A ordem nova ainda não vale.")).to_be_visible()
        await expect(page.locator("#dito")).to_have_text("Agora é a 1ª de 2.")
        await press(page, "Ver o que muda")
        assert await pool.fetchval("SELECT max(version) FROM rule_versions") == 2
        await press(page, "Colocar em vigor")
        rule = await pool.fetchval("SELECT rule::text FROM rule_versions ORDER BY version DESC")
        assert rule.index("B2") < rule.index("A1")
        await page.context.close()


async def a_page(chromium: Browser) -> Page:
    context = await chromium.new_context(viewport={"width": 1280, "height": 900}, locale="pt-BR")
    page = await context.new_page()
    page.set_default_timeout(15_000)
    return page


async def joined(panel: Panel, chromium: Browser) -> Page:
    page = await a_page(chromium)
    await page.goto(panel.base + await panel.invitation(TENANT, "finance"))
    await type_into(page, "Seu nome", "Caio")
    await type_into(page, "E-mail", "caio@exemplo.com")
    await type_into(page, "Senha nova", PASSWORD)
    await press(page, "Criar acesso")
    return page


async def finished(desk: Desk) -> None:
    for _ in range(8):
        await desk.work()
        desk.sandbox.clock.advance(120)
        await desk.pool.execute(
            "UPDATE outbox SET due_at = now()"
            " WHERE state = 'due' AND due_at < now() + interval '1 hour'"
        )
