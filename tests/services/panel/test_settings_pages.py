"""Configurações: connections tried, the company, other systems told, the log narrowed, people."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from shared.db.hooks import status_webhooks_store
from shared.db.tenants import audit_store
from tests.services.emitter.conftest import TENANT, a_desk, provide
from tests.services.panel.lively import panel_beside
from tests.services.panel.support import Panel

BASE = f"/e/{TENANT}"
SETTINGS = f"{BASE}/configuracoes"
HOOKS = f"{SETTINGS}/avisos"


@pytest_asyncio.fixture
async def desk(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Panel, Sandbox, str]]:
    """A connected company, and the issuer's id of it."""
    async with (
        a_desk(pool, sandbox, provide) as desk,
        panel_beside(pool, sandbox, database, redis_url) as panel,
    ):
        yield panel, sandbox, desk.company.id


Desk = tuple[Panel, Sandbox, str]


async def test_a_connection_is_tried_and_the_company_shown_with_its_certificate(
    desk: Desk,
) -> None:
    panel, sandbox, company = desk
    issuer = sandbox.enotas.companies[company]
    soon = datetime.now(UTC) + timedelta(days=12)
    issuer.certificate_until = f"{soon:%Y-%m-%dT%H:%M:%S}.1234567Z"
    async with panel.person(TENANT, "finance") as caio:
        page = await caio.get(SETTINGS)
        token = dict(page.form("/sair"))["csrf"]
        tried = await caio.post(f"{SETTINGS}/testar", [("csrf", token), ("lado", "emissor")])
        vindi = await caio.post(f"{SETTINGS}/testar", [("csrf", token), ("lado", "vindi")])
        issuer.faults.certificate_expired = True
        expired = await caio.post(f"{SETTINGS}/testar", [("csrf", token), ("lado", "emissor")])

    assert "eNotas: a conexão funciona." in tried.text
    assert "O certificado digital vence em 12 dias." in tried.text
    assert "SAO PAULO/SP" in tried.text
    assert "Inscrição municipal 12345" in tried.text
    assert "Vindi: a conexão funciona." in vindi.text
    assert "O certificado digital venceu em 12/03/2026" in expired.text
    assert "api_key" not in page.html


async def test_a_refused_key_is_found_by_trying_and_one_that_is_good_again_goes_on(
    desk: Desk,
) -> None:
    panel, sandbox, _ = desk
    key = next(iter(sandbox.enotas.keys.values()))
    key.revoked = True
    async with panel.person(TENANT) as ana:
        token = dict((await ana.get(SETTINGS)).form("/sair"))["csrf"]
        fields = [("csrf", token), ("lado", "emissor")]
        refused = await ana.post(f"{SETTINGS}/testar", fields)
        state = await panel.pool.fetchval("SELECT state FROM issuer_connections")
        key.revoked = False
        well = await ana.post(f"{SETTINGS}/testar", fields)

    assert "Precisa de atenção" in refused.text
    assert state == "issuer_key_refused"
    assert "a conexão funciona" in well.text
    assert await panel.pool.fetchval("SELECT state FROM issuer_connections") == "ok"
    assert (
        await panel.pool.fetchval("SELECT count(*) FROM audit WHERE action = 'connection_tried'")
        == 2
    )


async def test_another_system_is_told_tried_and_left_alone_again(desk: Desk) -> None:
    panel, _, _ = desk
    async with panel.person(TENANT) as ana, panel.person(TENANT, "accountant") as bia:
        page = await ana.get(HOOKS)
        plain = await ana.send(page, HOOKS, endereco="http://sistema.exemplo.com/avisos")
        inside = await ana.send(page, HOOKS, endereco="https://127.0.0.1/avisos")
        put = await ana.send(page, HOOKS, endereco=" https://sistema.exemplo.com/avisos ")
        secret = re.search(r"whsec_[^\"<]+", put.html)
        page = await ana.get(HOOKS)
        token = dict(page.form("/sair"))["csrf"]
        tried = await ana.post(f"{HOOKS}/mudar", [("csrf", token), ("fazer", "testar")])
        async with panel.pool.acquire() as conn:
            due = await status_webhooks_store.claim(
                conn, TENANT, limit=1, lease=timedelta(minutes=5)
            )
            await status_webhooks_store.settle(
                conn, TENANT, due[0], status=503, error="refused", again_in=timedelta(minutes=5)
            )
        failed = await ana.get(HOOKS)
        looked = await bia.get(HOOKS)
        entrega = str(await panel.pool.fetchval("SELECT delivery_id FROM webhook_deliveries"))
        fields = [("csrf", token), ("fazer", "reenviar")]
        again = await ana.post(f"{HOOKS}/mudar", [*fields, ("entrega", entrega)])
        unknown = await ana.post(f"{HOOKS}/mudar", [*fields, ("entrega", "99")])
        gone = await ana.post(f"{HOOKS}/mudar", [("csrf", token), ("fazer", "remover")])
        later = dict((await ana.get(HOOKS)).form("/sair"))["csrf"]
        nowhere = await ana.post(f"{HOOKS}/mudar", [("csrf", later), ("fazer", "testar")])

    assert "precisa começar com https://" in plain.text
    assert 'value="http://sistema.exemplo.com/avisos"' in plain.html
    assert "precisa ser público" in inside.text
    assert secret is not None
    assert secret[0] not in page.html
    assert "Teste enviado" in tried.text
    assert "A entregar" in tried.text
    assert "O seu sistema recusou (código 503)" in failed.text
    assert "Tentando de novo" in failed.text
    assert "Reenviar" not in looked.text
    assert "https://sistema.exemplo.com/avisos" in looked.text
    assert "será entregue de novo" in again.text
    assert "não existe mais" in unknown.text
    assert "Endereço removido" in gone.text
    assert nowhere.status == 422


async def test_the_log_is_narrowed_by_kind_day_and_person_and_paged(desk: Desk) -> None:
    panel, _, _ = desk
    path = f"{SETTINGS}/registro"
    async with panel.pool.acquire() as conn:
        for number in range(120):
            await audit_store.add(
                conn, TENANT, actor="Zé Silva (pz)", action="sale_retry", detail={"bill_id": number}
            )
        await audit_store.add(conn, TENANT, actor="Bia_Lima (pb)", action="rule_put")
        await conn.execute(
            "UPDATE audit SET at = now() - interval '40 days' WHERE action = 'rule_put'"
        )
    async with panel.person(TENANT, "accountant", name="Caio Melo") as caio:
        page = await caio.get(path)
        sales = await caio.send(page, path, tipo="vendas", quem="zé silva")
        older = sales.html.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
        rest = await caio.get(older.replace("&amp;", "&"))
        rules = await caio.send(page, path, tipo="regra")
        late = await caio.send(page, path, tipo="regra", de=f"{datetime.now(UTC):%Y-%m-01}")
        percent = await caio.send(page, path, quem="%")
        odd = await caio.get(f"{path}?tipo=x&de=nada&ate=99999&quem=x&antes=x")
        addresses = " ".join(caio.seen)

    assert sales.text.count("Pedido: tentar de novo") == 50
    assert rest.text.count("Pedido: tentar de novo") == 50
    assert 'value="zé silva"' in rest.html
    assert "Silva" not in addresses
    assert "silva" not in addresses
    assert "Regra mudada" in rules.text
    assert "Regra mudada" not in late.text.partition("Detalhes")[2]
    assert "Nenhuma mudança corresponde" in percent.text
    assert odd.status == 422
    assert "não pode ser lido" in odd.text
