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
)
from services.reconciler.api.kit.problem import Problem
from shared.commands.documents import DocumentRefused, fetch_document
from shared.issuer.interface import DocumentKind

_MEDIA_TYPES: Final[dict[DocumentKind, str]] = {"pdf": "application/pdf", "xml": "application/xml"}


class WhichNota(Strict):
    """Which nota of a bill of several services; without it the only one, or the first."""

    part: Annotated[int, Field(ge=0, le=32767)] | None = None


DocumentCall = Call[NoBody, WhichNota]


def _handler(kind: DocumentKind) -> Callable[[DocumentCall], Awaitable[Answer]]:
    async def fetch(call: DocumentCall) -> Answer:
        services = call.services
        try:
            nota, document = await fetch_document(
                services.pool,
                services.sealer,
                services.clients,
                call.tenant.id,
                call.bill,
                kind,
                call.query.part,
            )
        except DocumentRefused as error:
            raise Problem(_STATUSES.get(error.code, 409), error.code, str(error)) from error
        return attachment(f"{nota.external_id}.{kind}", document, _MEDIA_TYPES[kind])

    return fetch


_STATUSES: Final = {"sale_unknown": 404, "no_nota": 404, "issuer_unreachable": 502}
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
