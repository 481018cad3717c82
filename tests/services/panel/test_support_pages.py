"""Suporte: one box finds anything, opens it to look, acts under a ticket; what happened when."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest_asyncio

from services.sandbox.run import Sandbox
from shared.db.connection import Pool
from shared.db.tenants import audit_store
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import Panel

BASE = f"/e/{TENANT}"
Lively = tuple[Panel, dict[str, int]]


@pytest_asyncio.fixture
async def lively(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Lively]:
    async with lively_panel(pool, sandbox, database, redis_url) as made:
        yield made


async def test_one_box_finds_a_company_a_sale_a_nota_and_a_customer(lively: Lively) -> None:
    panel, bills = lively
    await panel.tenant("Padaria Boreal")
    bill = bills["issued"]
    nota = await panel.pool.fetchrow(
        "SELECT number, external_id FROM notas WHERE bill_id = $1", bill
    )
    assert nota is not None
    sale = f'href="{BASE}/vendas/{bill}"'
    async with panel.person(TENANT, "support") as ours:
        page = await ours.get("/suporte")
        found = {
            words: await ours.send(page, "/suporte", busca=words)
            for words in (
                str(bill),
                nota["number"],
                nota["external_id"],
                "123.456.789-09",
                "boreal",
                TENANT,
                "nada disso",
                "%",
                "' OR 1=1 --",
            )
        }
        addresses = " ".join(ours.seen)

    assert sale in found[str(bill)].html
    assert sale in found[nota["number"]].html
    assert found[nota["external_id"]].url == f"{BASE}/vendas/{bill}"
    assert sale in found["123.456.789-09"].html
    assert "Padaria Boreal" in found["boreal"].text
    assert f'href="{BASE}"' in found[TENANT].html
    for words in ("nada disso", "%", "' OR 1=1 --"):
        assert "Nada encontrado" in found[words].text
    assert "123" not in re.sub(r"/vendas/\d+", "", addresses)
    assert quote("boreal") not in addresses


async def test_the_box_takes_what_is_in_hand_as_it_was_said_or_copied(lively: Lively) -> None:
    panel, bills = lively
    bill = bills["issued"]
    number = await panel.pool.fetchval("SELECT number FROM notas WHERE bill_id = $1", bill)
    sale = f'href="{BASE}/vendas/{bill}"'
    async with panel.person(TENANT) as ana, panel.person(TENANT, "support") as ours:
        page = await ana.get("/conta")
        [email] = re.findall(r"\S+@exemplo\.com", page.text)
        page = await ours.get("/suporte")
        for words in (
            f"#{bill}",
            f"Fatura nº {bill}",
            f"NFS-e {number}",
            f"nota fiscal: {number}",
            f"https://app.vindi.com.br/admin/bills/{bill}",
            "12345678909",
        ):
            found = await ours.send(page, "/suporte", busca=words)
            assert sale in found.html, words
        copied = await ours.send(page, "/suporte", busca=f"{panel.base}{BASE}/vendas/{bill}?x=1")
        hers = await ours.send(page, "/suporte", busca=email.upper())
        nobodys = await ours.send(page, "/suporte", busca="ninguem@exemplo.com")
        addresses = " ".join(ours.seen)

    assert copied.url == f"{BASE}/vendas/{bill}"
    assert f'href="{BASE}"' in hers.html
    assert "Nada encontrado" in nobodys.text
    assert "abra-a e use Buscar em Vendas" in nobodys.text
    assert "exemplo.com" not in addresses


async def test_ours_look_at_everything_and_import_only_under_a_ticket(lively: Lively) -> None:
    panel, _ = lively
    past = f"{BASE}/passadas"
    async with panel.person(TENANT, "support", name="Rui Melo") as ours:
        looked = await ours.get(BASE)
        page = await ours.get(past)
        asked = await ours.send(page, past, desde="2026-03-01", ate="2026-03-31", motivo="prévia")
        nothing = await panel.pool.fetchval("SELECT count(*) FROM backfills")
        wrong = await ours.send(asked, past, chamado="<b>")
        made = await ours.send(wrong, past, chamado="SUP-4711")

    assert "Você está só olhando." in looked.text
    assert "Em nome de qual chamado?" in asked.text
    assert nothing == 0
    assert wrong.status == 422
    assert made.url.startswith(f"{past}/")
    row = await panel.pool.fetchrow("SELECT requested_by FROM backfills")
    assert row is not None
    assert re.fullmatch(
        r"Rui Melo \(p[a-z0-9]{10}, suporte, chamado SUP-4711\)", row["requested_by"]
    )


async def test_what_happened_is_told_by_its_time_with_names_and_paged(lively: Lively) -> None:
    panel, bills = lively
    path = f"{BASE}/acontecimentos"
    async with panel.pool.acquire() as conn, conn.transaction():
        for _ in range(150):  # of one instant
            await audit_store.add(conn, TENANT, actor="Ana Souza (pa)", action="sale_hold")
    async with panel.person(TENANT, "support") as ours:
        page = await ours.get(path)
        acts = await ours.get(f"{path}?tipo=act")
        link = acts.html.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        rest = await ours.get(link)
        early = await ours.get(f"{path}?de=2026-01-01T00:00&ate=2026-01-02T00:00")
        turned = await ours.get(f"{path}?de=2026-01-02T00:00&ate=2026-01-01T00:00")
        odd = await ours.get(f"{path}?de=&ate=&depois=x~y~z&tipo=outro")
        unread = await ours.get(f"{path}?de=nada")
    async with panel.person(TENANT, "owner") as ana:
        hidden = await ana.get(path)

    assert f'href="{BASE}/vendas/{bills["issued"]}"' in page.html
    assert acts.text.count("Pedido: reter") == 100
    assert rest.text.count("Pedido: reter") == 50
    assert "Ana Souza" in rest.text
    assert "Nada aconteceu neste intervalo." in early.text
    assert turned.status == 422
    assert odd.status == 200
    assert unread.status == 422
    assert hidden.status == 403
