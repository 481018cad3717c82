"""How issuing begins: wrong keys, an example, a test nota, shadow mode, a day."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio

from services.sandbox.run import Sandbox, running_sandbox
from shared.crypto import columns
from shared.crypto.seal import Sealer
from shared.db.closing import foreign_notas_store
from shared.db.closing.foreign_notas_store import ForeignNota
from shared.db.connection import Pool
from shared.db.sales.sales_read import document_word
from shared.domain.money import Cents
from tests.services.emitter.conftest import TENANT, Desk, a_desk
from tests.services.panel.lively import panel_beside
from tests.services.panel.support import Panel

BASE = f"/e/{TENANT}"


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox() as running:
        yield running


@pytest_asyncio.fixture
async def begun(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Panel, Desk]]:
    """A company with connections and a rule that has not begun to issue."""
    async with (
        a_desk(pool, sandbox) as desk,
        panel_beside(pool, sandbox, database, redis_url) as panel,
    ):
        await desk.rule(
            issue_when="bill_paid",
            description="{produtos} - fatura {fatura}",
            service={"municipal_code": "010700188", "lc116": "1.07", "iss_rate": "2.00"},
        )
        await pool.execute("UPDATE tenants SET status = 'setting_up', active_from = NULL")
        yield panel, desk


async def test_each_wrong_kind_of_key_is_answered_by_what_to_do(
    begun: tuple[Panel, Desk],
) -> None:
    panel, desk = begun
    path = f"{BASE}/ativacao/vindi"
    wrong = {
        "https://app.vindi.com.br": "endereço de página",
        "ana@exemplo.com": "endereço de e-mail",
        "kzq": "parece cortada",
        "uma chave com espaços no meio dela": "parece cortada",
        desk.company.key: "chave do eNotas",
        "x" * 40: "não aceitou esta chave",
    }
    async with panel.person(TENANT) as ana:
        page = await ana.get(path)
        for typed, said in wrong.items():
            answer = await ana.send(page, path, api_key=typed, ambiente="production")
            assert answer.status == 422
            assert said in answer.text, typed
            assert typed not in answer.html
    assert panel.base not in str(ana.seen)


async def test_an_example_says_what_would_be_sent_and_a_test_nota_has_its_pdf(
    begun: tuple[Panel, Desk],
) -> None:
    panel, desk = begun
    bill = desk.sell(customer={"name": "Padaria Boreal"})
    async with panel.person(TENANT) as ana:
        example = await ana.get(f"{BASE}/ativacao/exemplo")
        other = await ana.get(f"{BASE}/ativacao/exemplo?fatura=999999")
        odd = await ana.get(f"{BASE}/ativacao/exemplo?fatura=abc")
        made = await ana.send(example, f"{BASE}/ativacao/teste")
        twice = await ana.send(example, f"{BASE}/ativacao/teste")
        desk.sandbox.clock.advance(3600)
        ready = await ana.get(made.url)
        pdf = await ana.get(f"{made.url}/nota.pdf")
        foreign = await ana.get(f"{BASE}/ativacao/teste/h-{TENANT}-{bill.id}-1")

    assert f"Fatura {bill.id}" in example.text
    assert f"fatura {bill.id}" in example.text
    assert "R$ 179,90" in example.text
    assert "A Vindi não encontra esta fatura" in other.text
    assert "só o número" in odd.text
    assert twice.url == made.url
    assert len(desk.company.notas) == 1
    assert [one.body["ambienteEmissao"] for one in desk.company.notas.values()] == ["Homologacao"]
    assert "autorizada" in ready.text
    assert pdf.raw.startswith(b"%PDF")
    assert foreign.status == 404
    assert await panel.pool.fetchval("SELECT count(*) FROM notas") == 0


async def test_shadow_shows_what_we_would_have_done_beside_what_was_done(
    begun: tuple[Panel, Desk],
) -> None:
    panel, desk = begun
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/ativacao/sombra")
        on = await ana.send(page, f"{BASE}/ativacao/sombra")
        await panel.pool.execute("UPDATE tenants SET shadow_from = now() - interval '1 day'")
        both = await desk.sold(customer={"name": "Padaria Boreal"})
        await desk.sold(customer={"name": "Sem Documento", "registry_code": None})
        await desk.work()
        sale = await desk.sale(both)
        assert sale.competencia is not None
        await issued_elsewhere(panel, sale.competencia)
        days = await ana.get(f"{BASE}/ativacao/sombra")
        day = await ana.get(f"{BASE}/ativacao/sombra/{sale.competencia.isoformat()}")
        one = await ana.get(f"{BASE}/vendas/{both.id}")
        left = await ana.post(f"{BASE}/ativacao/sombra", [
            (name, "sair" if name == "fazer" else value)
            for name, value in days.form(f"{BASE}/ativacao/sombra")
        ])  # fmt: skip

    assert "Modo sombra ligado" in on.text
    assert (
        "teríamos emitido 1 nota. Iguais na outra integração (mesmo cliente, valor e mês): 1."
        in days.text
    )
    assert "Nota 777" in day.text
    assert "Falta o CPF" in day.text or "CPF" in day.text
    assert "888" in day.text
    assert "nada foi enviado" in one.text
    assert desk.company.notas == {}
    assert "Modo sombra desligado" in left.text


async def issued_elsewhere(panel: Panel, day: object) -> None:
    """One nota as ours would be, and one of somebody who bought nothing here."""
    notas = [
        ForeignNota(
            issuer_id=number, environment="Producao", amount=Cents(amount), number=number,
            document=columns.FOREIGN_DOCUMENT.seal(
                Sealer([b"k" * 32]), TENANT, document.encode(), number
            ),
            document_word=document_word(Sealer([b"k" * 32]), TENANT, document),
            competencia=day, valid=True,  # type: ignore[arg-type]
        )
        for number, amount, document in (
            ("777", 17_990, "12345678909"), ("888", 5_000, "98765432100"),
        )
    ]  # fmt: skip
    async with panel.pool.acquire() as conn:
        await foreign_notas_store.store(conn, TENANT, notas)


async def test_a_day_is_chosen_mistyped_and_chosen_anew(begun: tuple[Panel, Desk]) -> None:
    panel, _ = begun
    path = f"{BASE}/ativacao"
    async with panel.person(TENANT) as ana:
        page = await ana.get(path)
        today = await panel.pool.fetchval("SELECT (now() AT TIME ZONE 'America/Sao_Paulo')::date")
        far = (today + timedelta(days=900)).isoformat()
        none = await ana.send(page, path, inicio="dia", a_partir="")
        late = await ana.send(page, path, inicio="dia", a_partir=far)
        early = await ana.send(page, path, inicio="dia", a_partir=today.isoformat())
        day = (today + timedelta(days=5)).isoformat()
        done = await ana.send(page, path, inicio="dia", a_partir=day)
        after = await ana.get(path)

    assert "Escolha o dia." in none.text
    assert "mais de um ano" in late.text
    assert f'value="{far}"' in late.html
    assert "depois de hoje" in early.text
    assert "as notas começam no dia escolhido" in done.text
    assert "As notas começam" in after.text
    assert "Começar em outro dia" in after.text
