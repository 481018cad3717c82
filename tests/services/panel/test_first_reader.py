"""What a first reader of the pages stumbled over, each as the page answers it now."""

import pytest

from services.sandbox.run import Sandbox
from shared.commands.privacy.depart import step_departure
from shared.db.connection import Pool
from shared.domain.messages import MESSAGES
from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import Panel

NEXT = "Corrigidos os dados, a venda segue automaticamente."


async def test_a_held_sale_says_what_comes_after_the_mending(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 1, SaleStatus.HELD, "customer_document_invalid")
    await panel.sale(tenant, 2, SaleStatus.HELD, "rule_manual")
    async with panel.person(tenant) as ana:
        lacking = await ana.get(f"/e/{tenant}/vendas/1")
        manual = await ana.get(f"/e/{tenant}/vendas/2")

    assert NEXT in lacking.text
    assert NEXT not in manual.text
    assert "se estiverem certos, a nota sai" in lacking.text
    assert "mesmo número de pedido" not in lacking.text


async def test_what_was_asked_for_a_moment_ago_is_not_asked_for_again(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 2, SaleStatus.HELD, "rule_manual")
    path = f"/e/{tenant}/vendas/2"
    async with panel.person(tenant) as ana:
        page = await ana.get(path)
        asked = await ana.send(page, path, acao="issue", motivo="consultoria entregue")
        await panel.pool.execute("UPDATE timeline SET at = at - interval '2 minutes'")
        later = await ana.get(path)

    assert "O pedido foi recebido" not in page.text
    assert "O pedido foi recebido e é atendido em instantes." in asked.text
    assert "O pedido foi recebido" not in later.text


async def test_a_denied_sale_says_first_what_the_issuer_said_of_it(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    async with (
        lively_panel(pool, sandbox, database, redis_url) as (panel, bills),
        panel.person(TENANT) as ana,
    ):
        denied = await ana.get(f"/e/{TENANT}/vendas/{bills['denied']}")
        issued = await ana.get(f"/e/{TENANT}/vendas/{bills['issued']}")

    now, _, _ = denied.text.partition("Histórico")
    assert "Palavras do emissor: “" in now
    assert "Palavras do emissor" not in issued.text


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_a_message_names_what_to_do_as_the_button_reads(code: str) -> None:
    said = MESSAGES[code].text.lower()

    for word in ("mande emitir", "mande tentar", "mande cancelar", "reenvie"):
        assert word not in said


async def test_support_sees_who_leaves_and_until_when_they_may_turn_back(panel: Panel) -> None:
    gone, leaving = await panel.tenant("Escola Aurora"), await panel.tenant("Padaria Boreal")
    for tenant, name in ((gone, "Escola Aurora"), (leaving, "Padaria Boreal")):
        path = f"/e/{tenant}/configuracoes/encerrar"
        async with panel.person(tenant) as ana:
            page = await ana.get(path)
            await ana.send(page, path, nome=name, motivo="mudamos de sistema", dias="30")
    await panel.pool.execute(
        "UPDATE departures SET delete_at = asked_at, turn_at = asked_at WHERE tenant_id = $1", gone
    )
    while await step_departure(panel.pool, gone):
        pass
    async with panel.person(leaving, "support") as ours:
        found = await ours.get("/suporte")
        page = await ours.get("/suporte/saidas")
        nonsense = await ours.get("/suporte/saidas?depois=ontem~t")
        nul = await ours.get("/suporte/saidas?depois=2001-01-01T00:00:00%2B00:00~%00")
        older = await ours.get("/suporte/saidas?depois=2001-01-01T00:00:00%2B00:00~t")

    assert 'href="/suporte/saidas"' in found.html
    assert "Padaria Boreal" in page.text
    assert "Pode voltar atrás" in page.text
    assert "mudamos de sistema" in page.text
    assert "Empresa excluída" in page.text
    assert gone in page.text
    assert f'href="/e/{gone}"' not in page.html
    assert "Padaria Boreal" in nonsense.text
    assert nul.status == 200
    assert "Nenhuma empresa pediu a exclusão" in older.text
