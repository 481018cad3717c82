"""A ZIP of a month's notas for the accountant, made while it is sent."""

from typing import Final

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
from shared.commands.files.month_zip import month_zip
from shared.domain.closing import Month


async def export(call: Call[NoBody, MonthQuery]) -> Answer:
    """Send the XML and PDF of every valid nota of a month, with a manifest."""
    month, services = Month.read(call.query.month), call.services
    pieces = await month_zip(
        services.pool, services.sealer, services.clients, call.tenant, month, at=services.now()
    )
    if pieces is None:
        raise Problem(409, "issuer_not_connected", "No issuer is connected.")
    return attachment(f"notas-{month}.zip", pieces, "application/zip")


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
