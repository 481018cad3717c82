"""Fechamento: files at once and made behind, differences by name, the month read again."""

import io
import zipfile
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

import pytest_asyncio

from services.sandbox.run import Sandbox
from shared.db.closing import month_files_store
from shared.db.connection import Pool
from shared.domain.closing import Month
from tests.services.emitter.conftest import TENANT
from tests.services.panel.lively import lively_panel
from tests.services.panel.support import Panel

PATH = f"/e/{TENANT}/fechamento"
Lively = tuple[Panel, dict[str, int]]


@pytest_asyncio.fixture
async def lively(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Lively]:
    async with lively_panel(pool, sandbox, database, redis_url) as made:
        yield made


async def month_of(panel: Panel) -> Month:
    moment = await panel.pool.fetchval("SELECT max(moment_at) FROM sales")
    return Month.of(moment, ZoneInfo("America/Sao_Paulo"))


async def test_a_small_month_is_downloaded_at_once_by_whoever_may_look(lively: Lively) -> None:
    panel, bills = lively
    month = await month_of(panel)
    async with panel.person(TENANT, "accountant") as bia:
        page = await bia.get(f"{PATH}?mes={month}")
        csv = await bia.get(f"{PATH}/arquivos/{month}/csv-excel/agora")
        notas = await bia.get(f"{PATH}/arquivos/{month}/csv-excel-notas/agora")
        book = await bia.get(f"{PATH}/arquivos/{month}/xlsx/agora")
        papers = await bia.get(f"{PATH}/notas/{month}")
        after = await bia.get(f"{PATH}?mes={month}")
        unknown = [
            (await bia.get(f"{PATH}/arquivos/{month}/{kind}")).status
            for kind in ("xlsx", "pdf", "..%2fx")
        ]

    assert "Totais para o contador" in page.text
    assert f'href="{PATH}/arquivos/{month}/xlsx/agora"' in page.html
    assert csv.raw.startswith(b"\xef\xbb\xbfFatura;")
    assert str(bills["issued"]) in csv.html
    assert notas.html.count("\r\n") == 7
    assert "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(book.raw)).namelist()
    assert len(zipfile.ZipFile(io.BytesIO(papers.raw)).namelist()) == 13
    assert "Arquivo baixado: 12 documentos enviados." in after.text
    assert "Arquivo baixado" not in page.text
    assert unknown == [404, 404, 404]


async def test_a_large_month_is_made_behind_and_fetched_with_its_length(lively: Lively) -> None:
    panel, _ = lively
    month = await month_of(panel)
    asked = f"{PATH}/arquivos/{month}/xlsx"
    async with panel.person(TENANT, "finance") as caio:
        page = await caio.get(f"{PATH}?mes={month}")
        token = dict(page.form("/sair"))["csrf"]
        fields = [("csrf", token), ("mes", str(month)), ("tipo", "xlsx")]
        waiting = await caio.post(f"{PATH}/arquivos", fields)
        twice = await caio.post(f"{PATH}/arquivos", fields)
        early = await caio.get(f"{asked}/baixar")
        async with panel.pool.acquire() as conn:
            of = await month_files_store.get(conn, TENANT, month, "xlsx")
            assert of is not None
            lease = month_files_store.KEEP
            file = await month_files_store.claim(conn, TENANT, month, "xlsx", lease=lease)
            assert file is not None
            await month_files_store.tell(conn, file, done=50_000, total=200_000, lease=lease)
            working = await caio.get(asked)
            for place, piece in enumerate((b"one", b"two")):
                await month_files_store.put_piece(conn, file, place, piece)
            await month_files_store.finish(conn, file, size=6, rows=200_000)
        ready = await caio.get(asked)
        fetched = await caio.get(f"{asked}/baixar")
        log = await caio.get(f"/e/{TENANT}/configuracoes/registro")
    other = await panel.tenant("Outra")
    async with panel.person(other) as stranger:
        theirs = await stranger.get(f"/e/{other}/fechamento/arquivos/{month}/xlsx/baixar")

    assert waiting.url == twice.url == early.url == asked
    assert "50.000 de 200.000 linhas" in working.text
    assert 'max="200000" value="50000"' in working.html
    assert "Baixar o arquivo" in ready.text
    assert (fetched.raw, fetched.headers["Content-Length"]) == (b"onetwo", "6")
    assert f'filename="fechamento-{month}.xlsx"' in fetched.headers["Content-Disposition"]
    assert log.text.count("Arquivo do mês pedido") == 1
    assert theirs.status == 404


async def test_differences_are_shown_nota_by_nota_in_both_directions(lively: Lively) -> None:
    panel, bills = lively
    month = await month_of(panel)
    await panel.pool.execute("UPDATE tenants SET active_from = now() - interval '90 days'")
    company = await panel.pool.fetchval("SELECT lower(company_id) FROM issuer_connections")
    await panel.pool.execute(
        """INSERT INTO issuer_notas (tenant_id, company_id, issuer_id, external_id, amount, number,
                                     competencia, created_on, valid, raw_status, read_at)
           SELECT $1, $2, 'estranha-' || n, 'outro-' || lpad(n::text, 3, '0'), 12345,
                  'N' || n, $3, $3, true, 'Autorizada', now()
             FROM generate_series(1, 120) AS n""",
        TENANT,
        company,
        month.first_day,
    )
    await panel.pool.execute(
        "UPDATE notas SET amount = amount - 100 WHERE bill_id = $1", bills["issued"]
    )
    async with panel.person(TENANT, "accountant") as bia:
        closing = await bia.get(f"{PATH}?mes={month}")
        first = await bia.get(f"{PATH}/diferencas?mes={month}")
        link = first.html.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        rest = await bia.get(link)

    assert f"{PATH}/diferencas?mes={month}" in closing.html
    assert "O emissor tem uma nota válida deste mês que não foi pedida por nós." in first.text
    assert "nota N100" in first.text
    assert first.text.count("Nota que não veio de uma venda") == 100
    assert rest.text.count("Nota que não veio de uma venda") == 20
    assert "R$ 123,45" in rest.text
    assert f"Fatura {bills['issued']}" in first.text
    assert "R$ 1,00" in first.text


async def test_a_month_is_read_again_sale_by_sale_and_says_how_far_it_is(lively: Lively) -> None:
    panel, _ = lively
    async with panel.person(TENANT, "finance") as caio, panel.person(TENANT, "accountant") as bia:
        page = await caio.get(f"{PATH}?mes=2026-01")
        asked = await caio.send(page, f"{PATH}/conferir")
        await panel.pool.execute(
            "UPDATE closing_checks SET status = 'running', bills_total = 40, bills_read = 10"
        )
        running = await caio.get(f"{PATH}?mes=2026-01")
        theirs = await bia.get(f"{PATH}?mes=2026-01")

    assert "A conferência começa em instantes." in asked.text
    assert "10 vendas lidas" in running.text
    assert 'max="40" value="10"' in running.html
    assert f'action="{PATH}/conferir"' not in running.html + theirs.html
