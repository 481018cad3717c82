"""Pages of people, months, past sales and of whoever is ours; and what no page trips over."""

import pytest

from shared.domain.sale import SaleStatus
from tests.services.emitter.conftest import TENANT
from tests.services.panel.support import Panel

BASE = f"/e/{TENANT}"


async def test_people_are_invited_get_roles_and_one_owner_is_always_left(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    place = f"{BASE}/configuracoes/pessoas"
    async with panel.person(TENANT) as ana:
        page = await ana.get(place)
        made = await ana.send(page, place, email="contador@exemplo.com", papel="accountant")
        link = dict.fromkeys(one for one in made.html.split('"') if "/convite/" in one)
        alone = next(dict(f) for to, f in page.forms if dict(f).get("pessoa"))
        last = await ana.post(f"{place}/mudar", [*alone.items(), ("fazer", "tirar")])

    assert len(link) == 1
    assert "contador@exemplo.com" in made.text
    assert last.status == 422
    assert "ao menos um responsável" in last.text


async def test_nobody_is_let_into_another_company_by_a_new_password(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    other = await panel.tenant("Outra")
    place = f"{BASE}/configuracoes/pessoas"
    async with panel.person(TENANT) as ana, panel.person(TENANT, "accountant", "Bia") as bia:
        await bia.send(await bia.get(await panel.invitation(other, "accountant")), "/convite")
        page = await ana.get(place)
        theirs = [dict(f) for to, f in page.forms if dict(f).get("pessoa")]
        answers = [
            await ana.post(f"{place}/mudar", [*one.items(), ("fazer", "senha")]) for one in theirs
        ]

    assert sum("/senha/" in seen.html for seen in answers) >= 1
    assert sum("também a outras empresas" in seen.text for seen in answers) >= 1


async def test_a_month_is_shown_by_three_sides_and_locked_with_a_word(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        now = await ana.get(f"{BASE}/fechamento?mes=2026-01")
        locked = await ana.send(now, f"{BASE}/fechamento", motivo="conferido", assim_mesmo="sim")
        opened = await ana.send(locked, f"{BASE}/fechamento", motivo="faltou uma nota")
        odd = await ana.get(f"{BASE}/fechamento?mes=nada")

    assert "Fechamento de janeiro de 2026" in now.text
    assert "Não há vendas neste mês." in now.text
    assert "Mês fechado" in locked.text
    assert "conferido" in locked.text
    assert "Mês reaberto" in opened.text
    assert odd.status == 200


async def test_past_sales_are_previewed_before_they_are_brought_in(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, _ = lively
    async with panel.person(TENANT) as ana:
        page = await ana.get(f"{BASE}/passadas")
        wrong = await ana.send(page, f"{BASE}/passadas", desde="2999-01-01")
        late = await ana.send(page, f"{BASE}/passadas", desde="2026-03-01", ate="2026-02-01")
        run = await ana.send(page, f"{BASE}/passadas", desde="2026-03-01")
        second = await ana.send(page, f"{BASE}/passadas", desde="2026-03-01")
        over = await ana.send(run, run.url)

    assert "ainda não chegou" in wrong.text or "31/12" in wrong.text or wrong.status == 422
    assert "antes da inicial" in late.text
    assert "Prévia: nada é emitido" in run.text
    assert second.url == run.url
    assert "Cancelada" in over.text


async def test_ours_look_at_any_company_and_act_only_under_a_ticket(
    lively: tuple[Panel, dict[str, int]],
) -> None:
    panel, bills = lively
    path = f"{BASE}/vendas/{bills['guarantee']}"
    async with panel.person(TENANT, "support", "Rui") as rui:
        found = await rui.send(await rui.get("/suporte"), "/suporte", busca="Empresa")
        page = await rui.get(path)
        asked = await rui.send(page, path, motivo="pedido do cliente")
        done = await rui.send(asked, path, chamado="4711")
        direct = await rui.send(found, "/suporte", busca=f"p-{TENANT}-{bills['issued']}-1")
        searched = await rui.send(
            await rui.get(f"{BASE}/vendas"), f"{BASE}/vendas", busca="Padaria"
        )

    assert TENANT in found.text
    assert "Em nome de qual chamado?" in asked.text
    assert "Pedido feito" in done.text
    assert "Rui (suporte, chamado 4711)" in done.text
    assert direct.url == f"{BASE}/vendas/{bills['issued']}"
    assert "Padaria Boreal" in searched.text


async def test_a_tenant_that_nothing_happened_to_has_pages_too(panel: Panel) -> None:
    tenant = await panel.tenant("Nova")
    places = ["", "/vendas", "/pendencias", "/fechamento", "/regra", "/passadas", "/ativacao"]
    places += ["/ativacao/vindi", "/ativacao/emissor", "/ativacao/avisos", "/configuracoes"]
    async with panel.person(tenant) as ana:
        for place in places:
            assert (await ana.get(f"/e/{tenant}{place}")).status == 200, place
        missing = await ana.get(f"/e/{tenant}/vendas/99")
        longest = await ana.get(f"/e/{tenant}/vendas/{'9' * 19}")
        odd = await ana.get(
            f"/e/{tenant}/vendas?antes=x&status=nada&motivo=';--&de=x&minimo=-1&b=%00"
        )

    assert missing.status == longest.status == 404
    assert odd.status == 422


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("/vendas?motivo=%00", 200),
        ("/fechamento/diferencas?depois=%00", 200),
        ("/configuracoes/avisos?antes=%00", 200),
        ("/passadas/b%00", 404),
        ("/vendas/acoes/j%00", 404),
    ],
)
async def test_an_address_with_what_no_text_can_hold_is_answered(
    panel: Panel, place: str, status: int
) -> None:
    tenant = await panel.tenant("Nova")
    async with panel.person(tenant) as ana:
        page = await ana.get(f"/e/{tenant}{place}")

    assert page.status == status


async def test_whatever_a_customer_is_called_is_only_text(panel: Panel) -> None:
    tenant = await panel.tenant()
    name = "<script>alert(1)</script>\"' onmouseover=x"
    await panel.sale(tenant, 5, SaleStatus.HELD, "rule_manual", customer_name=name)
    async with panel.person(tenant) as ana:
        pages = [await ana.get(f"/e/{tenant}/vendas{more}") for more in ("", "/5")]

    for page in pages:
        assert "<script>alert" not in page.html
        assert "&lt;script&gt;alert(1)" in page.html
