"""Vendas finds what people have in hand, as they type it."""

import pytest

from services.panel.show.filters import sum_said
from shared.domain.closing import Month
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.panel.support import Browser, Panel

NOTA = """
    INSERT INTO notas (tenant_id, external_id, bill_id, revision, status, number, environment,
                       amount, competencia, request)
    VALUES ($1, $2, $3, 1, 'issued', $4, 'Producao', 100, '2026-01-01', '')
"""


async def found(browser: Browser, tenant: TenantId, words: str) -> set[int]:
    """The bills that the list shows for what was typed into its one box."""
    path = f"/e/{tenant}/vendas"
    page = await browser.get(path)
    kept = [(name, value) for name, value in page.form(path) if name != "busca"]
    told = await browser.post(path, [*kept, ("busca", words)])
    assert told.status == 200
    return {bill for bill in range(1, 6) if f'href="{path}/{bill}"' in told.html}


async def test_a_name_is_found_without_accents_capitals_or_the_words_between(panel: Panel) -> None:
    tenant = await panel.tenant()
    names = {1: "Eloá Guedelha", 2: "José da Silva Júnior", 3: "ELIÁ GUIDÉLHA", 4: "100% Ção"}
    names[5] = "Ána Conceição"
    for bill, name in names.items():
        await panel.sale(tenant, bill, SaleStatus.HELD, "held_by_person", customer_name=name)
    async with panel.person(tenant, "owner") as ana:
        seen = {
            words: await found(ana, tenant, words)
            for words in (
                "eloa guedelha",
                "ELOÁ",
                "jose silva",
                "júnior",
                "elia",
                "100% cao",
                "1_0% cao",
                "ana",
                "CONCEICAO",
                "ana conceicao",
                "a.a",
            )
        }

    assert seen == {
        "eloa guedelha": {1},
        "ELOÁ": {1},
        "jose silva": {2},
        "júnior": {2},
        "elia": {3},
        "100% cao": {4},
        "1_0% cao": set(),
        "ana": {5},
        "CONCEICAO": {5},
        "ana conceicao": {5},
        "a.a": set(),
    }


async def test_products_and_plans_are_found_without_accents(panel: Panel) -> None:
    tenant = await panel.tenant()
    more = {"products": "Consultoria Básica", "plan": "Anual Econômico"}
    await panel.sale(tenant, 1, SaleStatus.HELD, "held_by_person", **more)
    path = f"/e/{tenant}/vendas"
    async with panel.person(tenant, "owner") as ana:
        seen = [
            f'href="{path}/1"' in (await ana.get(f"{path}?{query}")).html
            for query in ("produto=basica", "plano=economico", "produto=basico")
        ]

    assert seen == [True, True, False]


async def test_an_amount_and_the_short_number_of_a_nota_are_found_in_the_same_box(
    panel: Panel,
) -> None:
    tenant = await panel.tenant()
    year = (await panel.pool.fetchval("SELECT now()")).year
    for bill, cents in ((1, 34_900), (2, 17_990)):
        await panel.sale(tenant, bill, SaleStatus.ISSUED)
        await panel.pool.execute("UPDATE sales SET amount = $1 WHERE bill_id = $2", cents, bill)
    for bill, number in ((1, f"{year - 1}00000000129"), (2, "129")):
        await panel.pool.execute(NOTA, tenant, f"h-x-{bill}-1", bill, number)
    async with panel.person(tenant, "owner") as ana:
        seen = [
            await found(ana, tenant, words)
            for words in (
                "R$ 349,00",
                "349,00",
                "r$349",
                "129",
                "nota 129",
                f"{year - 1}00000000129",
            )
        ]
        none = await ana.get(f"/e/{tenant}/vendas?minimo=1&maximo=2")

    assert seen == [{1}, {1}, {1}, {1, 2}, {1, 2}, {1}]
    assert "Nenhuma venda corresponde" in none.text


@pytest.mark.parametrize(
    "typed", ["349", "1.234", "João, 12 anos", "4711", "", "11.222.333/0001-81"]
)
def test_what_may_be_a_number_or_a_name_is_no_amount(typed: str) -> None:
    assert sum_said(typed) is None


async def test_a_months_causes_lead_to_the_sales_of_that_month_alone(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant, "owner") as ana:
        page = await ana.get(f"/e/{tenant}/fechamento?mes=2025-02")
        today = await panel.pool.fetchval("SELECT now() AT TIME ZONE 'America/Sao_Paulo'")
        unread = await ana.post(
            f"/e/{tenant}/fechamento",
            [*page.form("/sair"), ("mes", "02/2025"), ("fazer", "fechar"), ("motivo", "x")],
        )
        locked = await panel.pool.fetchval("SELECT count(*) FROM closing_locks")

    assert '<option value="2025-02" selected>fevereiro de 2025' in page.html
    assert f'<option value="{Month(year=today.year, month=today.month)}">' in page.html
    assert unread.status == 404
    assert locked == 0
