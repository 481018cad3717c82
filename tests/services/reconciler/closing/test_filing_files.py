"""A month as files: a CSV that Excel opens right in Brazil, a workbook without formulas."""

import csv
import functools
import io
import zipfile
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import MOMENT, World
from tests.services.reconciler.closing.filed import (
    MONTH,
    NEXT,
    a_draft,
    cancelled,
    issued,
)
from tests.services.reconciler.closing.test_api import add_bill

__all__ = ["api", "sandbox", "settings", "world"]  # fixtures

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


async def a_dangerous_month(world: World) -> TenantId:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft(), customer_name='Padaria;=HYPERLINK("x")')
    await issued(world, tenant, 2, a_draft(), customer_name='"Boa" Vista; Ltda')
    await issued(world, tenant, 4, a_draft(), customer_name="Padaria Fictícia Ltda")
    await cancelled(world, tenant, 4, datetime(2026, 12, 2, tzinfo=UTC))
    await world.sale(
        tenant,
        3,
        SaleStatus.HELD,
        code="customer_document_missing",
        customer_name="=1+1\x0b",
        moment_at=MOMENT,
    )
    await add_bill(world, tenant, 3)
    return tenant


async def test_a_csv_opens_right_in_excel_in_brazil(world: World) -> None:
    tenant = await a_dangerous_month(world)

    reply = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}&format=csv-excel")

    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.body.startswith(b"\xef\xbb\xbfFatura;Dia;Cliente;Valor;")
    assert reply.body.count(b"\r\n") == reply.body.count(b"\n") == 5
    rows = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig")), delimiter=";"))
    assert [row["Fatura"] for row in rows] == ["1", "2", "3", "4"]
    assert (rows[0]["Dia"], rows[0]["Valor"]) == ("10/11/2026", "179,90")
    assert rows[0]["Cliente"] == 'Padaria;\'=HYPERLINK("x")'
    assert rows[1]["Cliente"] == '"Boa" Vista; Ltda'
    assert rows[2]["Cliente"].startswith("'=1+1")
    assert (rows[2]["Situação"], rows[2]["Número da nota"]) == ("Pendente", "")
    assert "CPF" in rows[2]["Motivo"]


async def test_a_csv_of_the_notas_has_a_line_for_each_that_is_filed(world: World) -> None:
    tenant = await a_dangerous_month(world)

    path = f"/tenants/{tenant}/closing?month={MONTH}&format=csv-excel-notas"
    reply = await world.api.get(path)

    rows = list(csv.DictReader(io.StringIO(reply.body.decode("utf-8-sig")), delimiter=";"))
    assert [row["Fatura"] for row in rows] == ["1", "2", "4"]
    assert [row["Cancelada em"] for row in rows] == ["", "", "01/12/2026"]
    one = rows[0]
    assert (one["Competência"], one["ISS próprio"], one["ISS retido"]) == (
        "10/11/2026",
        "3,60",
        "Não",
    )
    assert (one["Código municipal"], one["Item LC 116"]) == ("'02800", "1.07")
    assert one["Município de incidência"] == "do prestador"


async def test_a_machines_csv_runs_in_no_spreadsheet_either(world: World) -> None:
    tenant = await a_dangerous_month(world)

    reply = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}&format=csv")

    for delimiter in (",", ";"):
        rows = csv.reader(io.StringIO(reply.body.decode()), delimiter=delimiter)
        assert not [cell for row in rows for cell in row if cell.lstrip(' "').startswith("=")]


async def test_a_workbook_holds_the_month_and_no_formula(world: World) -> None:
    tenant = await a_dangerous_month(world)

    path = f"/tenants/{tenant}/closing?month={MONTH}"
    reply = await world.api.call("GET", path, headers={"Accept": f"{XLSX}, */*"})

    assert reply.headers["Content-Type"] == XLSX
    sheets = sheets_of(reply.body)
    assert list(sheets) == ["Resumo", "Totais", "Notas", "Exceções", "Diferenças", "Créditos"]
    summary = dict(row for row in sheets["Resumo"] if len(row) == 2)
    assert summary["Mês"] == "11/2026"
    assert summary["= Notas com competência no mês"] == "539.7"
    titles, *lines = sheets["Totais"]
    assert len(lines) == 2
    assert lines[-1][0] == "TOTAL"
    assert dict(zip(titles, lines[0], strict=False))["Código municipal"] == "02800"
    assert [row[1] for row in sheets["Notas"][1:]] == ["1", "2", "4"]
    assert sheets["Notas"][1][4] == 'Padaria;=HYPERLINK("x")'
    assert [row[0] for row in sheets["Exceções"][1:]] == ["3", "4"]
    assert sheets["Exceções"][1][2] == "=1+1"
    december = await world.api.get(f"/tenants/{tenant}/closing?month={NEXT}&format=xlsx")
    assert [row[1] for row in sheets_of(december.body)["Créditos"][1:]] == ["4"]


async def test_a_workbook_names_each_difference_to_the_issuers_list(world: World) -> None:
    tenant = await a_dangerous_month(world)
    company = next(iter(world.sandbox.enotas.companies.values()))
    nota = {
        "servico": {"descricao": "Plano"},
        "valorTotal": 100.0,
        "ambienteEmissao": "Producao",
        "dataCompetencia": "2026-11-10T15:00:00Z",
    }
    world.sandbox.enotas.issue(company, f"p-{tenant}-1x0-1", nota)
    world.sandbox.clock.advance(600)

    reply = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}&format=xlsx")

    titles, *lines = sheets_of(reply.body)["Diferenças"]
    found = [dict(zip(titles, line, strict=False)) for line in lines]
    [differs] = [one for one in found if one["O que difere"].startswith("A nota no emissor não")]
    assert (differs["Fatura"], differs["Campos"]) == ("1", "valor")
    assert (differs["Valor aqui"], differs["Valor no emissor"]) == ("179.9", "100")


def sheets_of(body: bytes) -> dict[str, list[list[str]]]:
    """The cells of a workbook as they are shown, after looking that none is a formula."""
    archive = zipfile.ZipFile(io.BytesIO(body))
    assert archive.testzip() is None
    book = _parsed(archive, "xl/workbook.xml")
    names = [one.attrib["name"] for one in book.iter(f"{SHEET}sheet")]
    found = {}
    for number, name in enumerate(names, start=1):
        sheet = _parsed(archive, f"xl/worksheets/sheet{number}.xml")
        assert not list(sheet.iter(f"{SHEET}f"))
        found[name] = [_cells(row) for row in sheet.iter(f"{SHEET}row")]
    return found


def _parsed(archive: zipfile.ZipFile, name: str) -> ET.Element:
    return ET.fromstring(archive.read(name))  # noqa: S314 - our own file


def _cells(row: ET.Element) -> list[str]:
    cells: list[str] = []
    for cell in row:
        letters = cell.attrib["r"].rstrip("0123456789")
        column = functools.reduce(lambda n, letter: 26 * n + ord(letter) - 64, letters, 0)
        cells += [""] * (column - 1 - len(cells)) + ["".join(cell.itertext())]
    return cells


@pytest.mark.parametrize("format_", ["excel", "CSV", ""])
async def test_an_unknown_format_is_refused(world: World, format_: str) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}&format={format_}")

    assert (reply.status, reply.code) == (422, "invalid_request")
