"""A month as files: a line a bill, and a ZIP of its notas for the accountant.

Both are made while they are sent, so that their size costs no memory.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from services.reconciler.api.cells import (
    BOM,
    excel_cell,
    no_formula,
    write_excel_rows,
    write_rows,
)
from services.reconciler.api.closing_tables import Columns
from services.reconciler.api.export_zip import Export, stream_zip
from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    Operation,
    attachment,
)
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.shapes import MonthQuery
from services.reconciler.services import Services
from shared.commands.closing import span_of
from shared.db.closing import closing_read
from shared.db.closing.closing_read import Line, ValidNota
from shared.db.tenants import issuers_store
from shared.db.tenants.issuers_store import Issuers
from shared.domain.closing import Month
from shared.domain.moment import local_day
from shared.domain.money import show_reais
from shared.issuer.interface import Issuer

_Row = TypeVar("_Row")
COLUMNS: Final = (
    "bill_id",
    "day",
    "customer_name",
    "amount",
    "status",
    "code",
    "nota_number",
    "external_id",
    "nota_amount",
    "difference",
)


async def export(call: Call[NoBody, MonthQuery]) -> Answer:
    """Send the XML and PDF of every valid nota of a month, with a manifest."""
    month, services = Month.read(call.query.month), call.services
    async with services.pool.acquire() as conn:
        span = await span_of(conn, call.tenant, month)
        issuers = await issuers_store.load(conn, services.sealer, call.tenant.id)
    if issuers.current is None:
        raise Problem(409, "issuer_not_connected", "No issuer is connected.")
    wanted = Export(
        notas=closing_read.valid_notas(services.pool, span),
        issuer_of=partial(_issuer_of, services, issuers),
        at=services.now(),
    )
    return attachment(f"notas-{month}.zip", stream_zip(wanted), "application/zip")


def _issuer_of(services: Services, issuers: Issuers, nota: ValidNota) -> Issuer | None:
    connection = issuers.of(nota.connection_id)
    return None if connection is None else services.clients.issuer(connection)


async def render_csv(pages: AsyncIterator[list[Line]], timezone: str) -> AsyncIterator[bytes]:
    """Write lines as CSV: UTF-8, comma between fields, point before cents, a header first."""
    zone = ZoneInfo(timezone)
    yield write_rows([COLUMNS])
    async for lines in pages:
        yield write_rows(_row(line, zone) for line in lines)


async def render_excel(
    columns: Columns[_Row], pages: AsyncIterator[list[_Row]]
) -> AsyncIterator[bytes]:
    """Write a table as Excel in Brazil opens it: BOM, `;` between fields, comma before cents."""
    yield BOM + write_excel_rows([[column.title for column in columns]])
    async for rows in pages:
        yield write_excel_rows(
            [excel_cell(column.kind, column.value(row)) for column in columns] for row in rows
        )


def _row(line: Line, zone: ZoneInfo) -> tuple[object, ...]:
    return (
        line.bill_id,
        local_day(line.moment_at, zone),
        no_formula(line.customer_name),
        show_reais(line.amount),
        line.status,
        line.code or "",
        no_formula(line.number or ""),
        line.external_id or "",
        "" if line.nota_amount is None else show_reais(line.nota_amount),
        show_reais(line.difference),
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="GET",
        path="/tenants/{tenant_id}/closing/export",
        name="export_closing",
        summary="The XML and PDF of every valid nota of a month as ZIP, with the SHA-256 of each"
        " in manifest.csv, which also names what the issuer did not give",
        handler=export,
        body=NoBody,
        query=MonthQuery,
        media_type="application/zip",
        refusals={409: ("issuer_not_connected",)},
    ),
)
