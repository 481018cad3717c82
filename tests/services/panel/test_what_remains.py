"""A sale given back in part: the nota's amount is chosen; a nota cancelled elsewhere is stated."""

import pytest

from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel

GIVEN_BACK = "UPDATE bills SET refunds = '{\"7\": 3000}' WHERE bill_id = $1"
HELD = "UPDATE sales SET status = 'held', code = 'partially_refunded' WHERE bill_id = $1"
CHOICE = "SELECT amount_choice FROM sales WHERE bill_id = $1"


async def test_what_remains_is_offered_and_something_has_to_be_chosen(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    async with (
        lively_panel(pool, sandbox, database, redis_url) as (panel, bills),
        panel.person(TENANT) as ana,
    ):
        path = f"/e/{TENANT}/vendas/{bills['no_document']}"
        for statement in (GIVEN_BACK, HELD):
            await pool.execute(statement, bills["no_document"])
        page = await ana.get(path)
        none = await ana.send(page, path, acao="issue", motivo="combinado")
        wrong = await ana.send(
            page, path, acao="issue", motivo="combinado", valor="outro", outro_valor="nada"
        )
        unchosen = await pool.fetchval(CHOICE, bills["no_document"])
        done = await ana.send(page, path, acao="issue", motivo="combinado", valor="remaining")
        chosen = await pool.fetchval(CHOICE, bills["no_document"])

    assert "O que resta depois do estorno R$ 149,90" in page.text
    assert "R$ 179,90" in page.text
    assert (none.status, wrong.status) == (422, 422)
    assert "Escolha uma das opções oferecidas." in none.text
    assert "combinado" in none.html
    assert "Escreva um valor, como 179,90." in wrong.text
    assert unchosen is None
    assert "Pedido feito" in done.text
    assert chosen == "14990"
    assert "valor da nota: o que resta depois do estorno" in done.text


async def test_a_nota_that_was_cancelled_elsewhere_is_stated_with_a_reason(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> None:
    async with (
        lively_panel(pool, sandbox, database, redis_url) as (panel, bills),
        panel.person(TENANT) as ana,
        panel.person(TENANT, "accountant") as bia,
    ):
        path = f"/e/{TENANT}/vendas/{bills['issued']}"
        page, looked = await ana.get(path), await bia.get(path)
        silent = await ana.send(page, f"{path}/prefeitura", motivo=" ")
        stated = await ana.send(page, f"{path}/prefeitura", motivo="cancelada no portal")
        waiting = await ana.get(f"/e/{TENANT}/vendas/{bills['waiting']}")
        status = await pool.fetchval("SELECT status FROM notas WHERE bill_id = $1", bills["issued"])

    assert "Informar que a nota foi cancelada na prefeitura" in page.text
    assert "Informar que a nota foi cancelada" not in looked.text
    assert silent.status == 422
    assert status == "cancelled"
    assert "Anotado" in stated.text
    assert "está cancelada na prefeitura: cancelada no portal" in stated.text
    assert "na prefeitura" not in waiting.text


@pytest.mark.parametrize("denial", ["denied_numbering", "denied_unknown"])
async def test_a_denied_nota_that_may_exist_is_asked_about(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str, denial: str
) -> None:
    async with (
        lively_panel(pool, sandbox, database, redis_url) as (panel, bills),
        panel.person(TENANT) as ana,
    ):
        bill = bills["denied"]
        before = await ana.get(f"/e/{TENANT}/vendas/{bill}")
        await pool.execute("UPDATE notas SET denial = $2 WHERE bill_id = $1", bill, denial)
        path = f"/e/{TENANT}/vendas/{bill}"
        page = await ana.get(path)
        await ana.send(page, f"{path}/prefeitura", existe="sim", numero="77", motivo="está lá")
        status = await pool.fetchval("SELECT status FROM notas WHERE bill_id = $1", bill)

    assert "O que a prefeitura mostra?" not in before.text
    assert "O que a prefeitura mostra?" in page.text
    assert status == "issued"
