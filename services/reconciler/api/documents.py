"""The PDF and XML of a nota, fetched from the issuer when asked for."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from pydantic import Field

from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    NoBody,
    Operation,
    Strict,
    attachment,
    sale_unknown,
)
from services.reconciler.api.kit.problem import Problem
from shared.db.sales import sales_read
from shared.db.sales.sales_read import NotaView
from shared.db.tenants import issuers_store
from shared.db.tenants.connections_store import IssuerConnection
from shared.domain.errors import TenantBlockedError, TransientError
from shared.issuer.interface import DocumentKind, NotReady

_MEDIA_TYPES: Final[dict[DocumentKind, str]] = {"pdf": "application/pdf", "xml": "application/xml"}


class WhichNota(Strict):
    """Which nota of a bill of several services; without it the only one, or the first."""

    part: Annotated[int, Field(ge=0, le=32767)] | None = None


DocumentCall = Call[NoBody, WhichNota]


def _handler(kind: DocumentKind) -> Callable[[DocumentCall], Awaitable[Answer]]:
    async def fetch(call: DocumentCall) -> Answer:
        nota, connection = await _where(call)
        issuer = call.services.clients.issuer(connection)
        try:
            document = await issuer.documents(nota.external_id, kind)
        except TransientError as error:
            raise Problem(502, "issuer_unreachable", "The issuer did not answer.") from error
        except TenantBlockedError as error:
            raise Problem(409, error.code, "The issuer refuses this connection.") from error
        if isinstance(document, NotReady):
            raise _not_ready()
        return attachment(f"{nota.external_id}.{kind}", document, _MEDIA_TYPES[kind])

    return fetch


async def _where(call: DocumentCall) -> tuple[NotaView, IssuerConnection]:
    async with call.services.pool.acquire() as conn:
        sale = await sales_read.get(conn, call.tenant.id, call.bill)
        issuers = await issuers_store.load(conn, call.services.sealer, call.tenant.id)
    if sale is None:
        raise sale_unknown()
    part = call.query.part
    wanted = (nota for nota in sale.notas if part is None or nota.part == part)
    nota = next(wanted, None)
    if nota is None:
        raise Problem(404, "no_nota", "This sale has no such nota.")
    # Where it was born: the tenant may have gone on to another company since.
    issuer = issuers.of(nota.connection_id)
    if issuer is None:
        raise Problem(409, "issuer_not_connected", "No issuer is connected.")
    return nota, issuer


def _not_ready() -> Problem:
    return Problem(409, "document_not_ready", "The issuer has no such document yet; ask later.")


_CODES: Final = {
    404: ("sale_unknown", "no_nota"),
    409: (
        "document_not_ready",
        "issuer_not_connected",
        "issuer_key_refused",
        "issuer_forbidden",
        "issuer_company_unknown",
    ),
    502: ("issuer_unreachable",),
}


def _operation(kind: DocumentKind) -> AnyOperation:
    return Operation(
        method="GET",
        path=f"/tenants/{{tenant_id}}/sales/{{bill_id}}/{kind}",
        name=f"get_{kind}",
        summary=f"Fetch the {kind.upper()} of the newest nota from the issuer",
        handler=_handler(kind),
        body=NoBody,
        query=WhichNota,
        media_type=_MEDIA_TYPES[kind],
        refusals=_CODES,
    )


OPERATIONS: Final[tuple[AnyOperation, ...]] = (_operation("pdf"), _operation("xml"))
