"""Privacidade and Encerrar conta: what people give out, erase, and part with."""

import io
import json
import time
import zipfile

from shared.commands.privacy.depart import step_departure
from shared.commands.privacy.erase import step_erasure
from shared.crypto import columns
from shared.db.sales.sales_read import document_word
from shared.db.tenants.secrets_store import REMEMBERED_SECONDS
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.panel.support import Panel

CPF = "123.456.789-09"
NAME = "Dora Lima Fictícia"


async def a_customer(panel: Panel) -> TenantId:
    tenant = await panel.tenant()
    word = document_word(panel.sealer, tenant, "12345678909")
    customer = {"id": 901, "name": NAME, "registry_code": CPF}
    await panel.sale(
        tenant,
        1,
        SaleStatus.SKIPPED,
        "rule_never",
        customer_id=901,
        customer_name=NAME,
        document_word=word,
        customer=columns.CUSTOMER.seal(panel.sealer, tenant, json.dumps(customer).encode(), 1),
    )
    return tenant


async def test_finance_gives_a_customer_their_data_and_erases_them(panel: Panel) -> None:
    tenant = await a_customer(panel)
    path = f"/e/{tenant}/configuracoes/privacidade"
    async with panel.person(tenant, "finance") as caio:
        page = await caio.get(path)
        file = await caio.send(page, f"{path}/dados", cliente=CPF, protocolo="P-1", formato="html")
        whose = await caio.send(page, f"{path}/dados", cliente="901", protocolo="P-1")
        data = await caio.send(whose, f"{path}/dados", formato="json")
        nobody = await caio.send(page, f"{path}/dados", cliente="902", protocolo="P-1")
        sure = await caio.send(
            page, f"{path}/eliminar", cliente=CPF, protocolo="P-1", motivo="pedido do titular"
        )
        before = await panel.pool.fetchval("SELECT count(*) FROM erasures")
        asked = await caio.send(sure, f"{path}/eliminar")
        erasure = await panel.pool.fetchval("SELECT erasure_id FROM erasures")
        while await step_erasure(panel.pool, panel.sealer, tenant, erasure):
            pass
        done = await caio.get(path)

    assert NAME in file.html
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert f"1 venda deste cliente. Nas vendas mais recentes: {NAME}" in whose.text
    assert "Nenhuma venda deste cliente foi encontrada" in nobody.text
    assert json.loads(data.raw)["sales"][0]["customer"]["registry_code"] == CPF
    assert before == 0
    assert f"1 venda deste cliente. Nas vendas mais recentes: {NAME}" in sure.text
    assert "Pedido feito" in asked.text
    assert "P-1" in done.text
    assert "Feito" in done.text
    assert await panel.pool.fetchval("SELECT customer_name FROM sales") == ""
    assert not [address for address in caio.seen if "12345678909" in address or CPF in address]


async def test_another_customer_than_the_one_who_was_shown_is_shown_first(panel: Panel) -> None:
    tenant = await a_customer(panel)
    path = f"/e/{tenant}/configuracoes/privacidade"
    async with panel.person(tenant, "finance") as caio:
        page = await caio.get(path)
        nobody = await caio.send(
            page, f"{path}/eliminar", cliente="902", protocolo="P-1", motivo="pedido"
        )
        changed = await caio.send(nobody, f"{path}/eliminar", cliente="901")

    assert "Nenhuma venda deste cliente foi encontrada" in nobody.text
    assert NAME in changed.text
    assert await panel.pool.fetchval("SELECT count(*) FROM erasures") == 0


async def test_what_cannot_be_meant_is_said_at_its_field(panel: Panel) -> None:
    tenant = await a_customer(panel)
    path = f"/e/{tenant}/configuracoes/privacidade"
    async with panel.person(tenant, "finance") as caio:
        page = await caio.get(path)
        mistyped = await caio.send(
            page, f"{path}/eliminar", cliente="123.456.789-00", protocolo="P-1", motivo="pedido"
        )
        named = await caio.send(
            page, f"{path}/eliminar", cliente=CPF, protocolo="P-1", motivo=f"pedido de {CPF}"
        )
        no_ticket = await caio.send(page, f"{path}/dados", cliente=CPF, formato="html")

    assert (mistyped.status, named.status, no_ticket.status) == (422, 422, 422)
    assert "Digite um CPF ou CNPJ válido" in mistyped.text
    assert "Sem CPF, CNPJ nem e-mail" in named.text
    assert "Digite o protocolo" in no_ticket.text
    assert await panel.pool.fetchval("SELECT count(*) FROM erasures") == 0


async def test_an_owner_takes_everything_leaves_and_may_come_back(panel: Panel) -> None:
    tenant = await a_customer(panel)
    path = f"/e/{tenant}/configuracoes/encerrar"
    async with panel.person(tenant) as ana:
        page = await ana.get(path)
        everything = await ana.send(page, f"{path}/tudo")
        wrong = await ana.send(page, path, nome="Escola", motivo="fim", dias="30")
        names = await ana.send(
            page, path, nome="Escola Aurora", motivo=f"pedido de {CPF}", dias="30"
        )
        left = await ana.send(page, path, nome="Escola Aurora", motivo="fim", dias="30")
        token = dict(left.form("/sair"))["csrf"]
        connecting = await ana.get(f"/e/{tenant}/configuracoes")
        first = await ana.get(f"/e/{tenant}")
        addresses = await ana.get(f"/e/{tenant}/ativacao/avisos")
        hook = await ana.send(
            await ana.get(f"/e/{tenant}/configuracoes/avisos"),
            f"/e/{tenant}/configuracoes/avisos",
            endereco="https://hooks.exemplo.com.br/notas",
        )
        made = await panel.pool.fetchval(
            "SELECT count(*) FROM webhook_secrets WHERE NOT revoked"
        ) + await panel.pool.fetchval("SELECT count(*) FROM status_webhooks")
        stayed = await ana.post(f"{path}/ficar", [("csrf", token)])
        again = await ana.send(stayed, path, nome="Escola Aurora", motivo="fim", dias="7")
        await panel.pool.execute("UPDATE departures SET delete_at = asked_at, turn_at = asked_at")
        while await step_departure(panel.pool, tenant):
            pass
        gone = await ana.get(path)

    with zipfile.ZipFile(io.BytesIO(everything.raw)) as archive:
        people = archive.read("dados/pessoas.jsonl").decode()
        sales = archive.read("dados/sales.jsonl").decode()
    assert "Ana Souza" in people
    assert NAME in sales
    assert (wrong.status, "Este não é o nome da empresa" in wrong.text) == (422, True)
    assert (names.status, "Sem CPF, CNPJ nem e-mail" in names.text) == (422, True)
    assert "Esta empresa será excluída" in left.text
    assert "Ana Souza (p" not in left.text
    assert (connecting.status, "Voltar atrás" in connecting.text) == (200, True)
    assert "Esta empresa está saindo: nenhuma nota sai." in first.text
    assert "Conecte-a para continuar" not in first.text
    assert "Esta empresa será excluída" in addresses.text
    assert (hook.status, "nenhum endereço novo é aceito" in hook.text) == (409, True)
    assert made == 0
    assert "A empresa fica" in stayed.text
    assert "Esta empresa será excluída" in again.text
    assert await panel.pool.fetchval("SELECT count(*) FROM tenants") == 0
    assert await panel.pool.fetchval("SELECT count(*) FROM people") == 0
    assert "Encerrar conta" not in gone.text


async def test_an_accountant_neither_erases_nor_parts(panel: Panel) -> None:
    tenant = await a_customer(panel)
    async with panel.person(tenant, "accountant") as bia:
        settings = await bia.get(f"/e/{tenant}/configuracoes")
        privacy = await bia.get(f"/e/{tenant}/configuracoes/privacidade")
        leaving = await bia.get(f"/e/{tenant}/configuracoes/encerrar")

    assert "Encerrar conta" not in settings.text
    assert {privacy.status, leaving.status} == {403}


async def test_nobody_is_told_that_it_is_over_before_every_process_knows(panel: Panel) -> None:
    tenant = await a_customer(panel)
    path = f"/e/{tenant}/configuracoes/encerrar"
    async with panel.person(tenant) as ana:
        page = await ana.get(path)
        began = time.monotonic()
        left = await ana.send(page, path, nome="Escola Aurora", motivo="fim", dias="30")

    assert "Esta empresa será excluída" in left.text
    assert time.monotonic() - began >= REMEMBERED_SECONDS
