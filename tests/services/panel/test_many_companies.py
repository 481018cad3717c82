"""Whoever looks after very many companies, and lists that are narrowed by what cannot be."""

import pytest

from services.panel.kit.forms import A_DAY
from shared.domain.sale import SaleStatus
from tests.services.panel.support import Panel

MANY = """
    WITH t AS (
        INSERT INTO tenants (tenant_id, name, plan, timezone, status)
        SELECT 't' || lpad(n::text, 10, '0'), 'Escola São José nº ' || n, 'pro',
               'America/Sao_Paulo', 'setting_up'
          FROM generate_series(1, 1000) n
     RETURNING tenant_id)
    INSERT INTO memberships (tenant_id, person_id, role, added_by)
    SELECT t.tenant_id, p.person_id, 'accountant', 'tests' FROM t, people p
"""


async def test_one_of_a_thousand_companies_is_found_by_a_part_of_its_name(panel: Panel) -> None:
    tenant = await panel.tenant("Matriz")
    async with panel.person(tenant) as ana:
        few = await ana.get("/empresas")
        await panel.pool.execute(MANY)
        first = await ana.get("/empresas")
        second = await ana.get("/empresas?pagina=2")
        found = await ana.get("/empresas?nome=sao+jose+777")
        none = await ana.get("/empresas?nome=aurora")
        odd = await ana.get("/empresas?pagina=999999999&nome=%00")

    assert "Buscar empresa" not in few.text
    assert "1.001 empresas" in first.text
    assert first.html.count('href="/e/t') == 50
    assert 'href="/empresas?pagina=2"' in first.html
    assert 'href="/empresas?pagina=1"' in second.html
    assert "Escola São José nº 777" in found.text
    assert found.html.count('href="/e/t') == 1
    assert "Nenhuma empresa com este nome" in none.text
    assert odd.status == 200
    assert len(first.raw) < 40_000


@pytest.mark.parametrize("path", ["vendas", "configuracoes/registro"])
@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ("31/11/2026", "", A_DAY),
        ("", "amanhã", A_DAY),
        ("2026-11-30", "2026-11-01", "Escolha o mesmo dia do início, ou um depois."),
    ],
)
async def test_a_list_is_not_shown_whole_for_a_day_that_there_is_not(
    panel: Panel, path: str, since: str, until: str, said: str
) -> None:
    tenant = await panel.tenant()
    to = f"/e/{tenant}/{path}"
    async with panel.person(tenant) as ana:
        told = await ana.send(await ana.get(to), to, de=since, ate=until)
        good = await ana.send(await ana.get(to), to, de="1/11/2026", ate="30.11.2026")

    assert told.status == 422
    assert said in told.text
    assert f'value="{since}"' in told.html
    assert good.status == 200
    assert "de=2026-11-01&ate=2026-11-30" in good.url.replace("&c=-", "")


async def test_the_most_that_is_less_than_the_least_is_told(panel: Panel) -> None:
    tenant = await panel.tenant()
    to = f"/e/{tenant}/vendas"
    async with panel.person(tenant) as ana:
        told = await ana.send(await ana.get(to), to, minimo="R$ 1.000,00", maximo="r$ 10")

    assert told.status == 422
    assert "Escreva o mesmo valor do mínimo, ou um maior." in told.text
    assert 'value="R$ 1.000,00"' in told.html


async def test_a_sale_is_found_by_what_was_pasted_of_it(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.sale(tenant, 4711, SaleStatus.HELD, "held_by_person")
    to = f"/e/{tenant}/vendas"
    async with panel.person(tenant) as ana:
        for pasted in ("#4711", "Fatura nº 4711", "https://app.vindi.com.br/admin/bills/4711"):
            found = await ana.send(await ana.get(to), to, busca=pasted)
            assert f'href="{to}/4711"' in found.html, pasted


async def test_an_instant_that_there_is_not_shows_no_other_day(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.person(tenant, "support") as ours:
        wrong = await ours.get(f"/e/{tenant}/acontecimentos?de=31/11/2026+10:00")
        good = await ours.get(
            f"/e/{tenant}/acontecimentos?de=29/11/2026+10:00&ate=30/11/2026+14h30"
        )

    assert wrong.status == 422
    assert "Digite um dia e uma hora que existem" in wrong.text
    assert good.status == 200
    assert 'value="2026-11-29T10:00:00"' in good.html


HELD = """
    INSERT INTO sales (tenant_id, bill_id, status, code, amount, origin, moment_at, customer_name)
    SELECT $1, n, 'held', 'customer_address_incomplete', 17990, 'webhook', now(), 'Cliente ' || n
      FROM generate_series(1, 10000) n
"""


async def test_ten_thousand_held_sales_are_one_line_and_one_request(panel: Panel) -> None:
    tenant = await panel.tenant()
    await panel.pool.execute(HELD, tenant)
    base = f"/e/{tenant}"
    async with panel.person(tenant) as ana:
        pending = await ana.get(f"{base}/pendencias")
        to = f"{base}/vendas/acoes"
        asked = await ana.send(await ana.get(f"{base}/vendas?status=held"), to, todas="sim")
        job = await ana.send(asked, to, motivo="cadastros completos")
        again = await ana.send(pending, f"{base}/pendencias", motivo="cadastros completos")

    assert "10.000 vendas" in pending.text
    assert pending.html.count(f'href="{base}/vendas/') < 10
    assert "10.000 vendas" in asked.text
    assert asked.html.count('name="venda"') == 0
    assert "0 de 10.000" in job.text
    assert "Ainda não começou." in job.text
    assert "0 de 10.000" in again.text
    jobs = await panel.pool.fetchval("SELECT count(*) FROM bulk_jobs WHERE tenant_id = $1", tenant)
    assert jobs == 2
    assert max(len(one.raw) for one in (pending, asked, job, again)) < 40_000


async def test_a_page_that_answers_a_form_knows_which_page_it_is(panel: Panel) -> None:
    tenant = await panel.tenant()
    base = f"/e/{tenant}"
    async with panel.person(tenant) as ana:
        plain = await ana.get(f"{base}/fechamento?mes=2026-03")
        month = await ana.send(plain, f"{base}/fechamento", motivo="")
        sales = await ana.get(f"{base}/vendas")
        found = await ana.send(sales, f"{base}/vendas", status="held", minimo="muito")

    assert "data-here" not in plain.html
    assert f'data-here="{base}/fechamento?mes=2026-03"' in month.html
    assert f'data-here="{base}/vendas?status=held' in found.html
