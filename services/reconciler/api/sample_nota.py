"""One nota of the test environment, made of a real bill."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from services.reconciler.api.kit.operation import (
    NOTHING,
    PREFIX,
    Answer,
    AnyOperation,
    Call,
    MayBeEmpty,
    NoBody,
    NoQuery,
    Operation,
    attachment,
)
from services.reconciler.api.kit.problem import Problem
from shared.commands.sample_nota import SampleNota, ask_sample_nota, look_at_sample, sample_pdf
from shared.commands.try_bill import TryRefused
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId


class SampleAsked(MayBeEmpty):
    """Which bill to make it of; without one the newest that is paid."""

    bill_id: Annotated[int, Field(ge=1, le=LARGEST_BILL)] | None = None


class SampleOut(BaseModel):
    """A test nota as the issuer has it; `unknown`: not told yet, ask again."""

    external_id: str
    state: Literal["pending", "issued", "denied", "unknown"]
    number: str | None
    reason: str | None


async def ask(call: Call[SampleAsked, NoQuery]) -> Answer:
    """Have one made; the same Idempotency-Key is the same nota."""
    services, bill = call.services, call.body.bill_id
    key = call.idempotency_key
    async with _refusing():
        made = await ask_sample_nota(
            services.pool,
            services.sealer,
            services.clients,
            call.tenant.id,
            once=secrets.token_hex(16) if key is None else f"{call.actor}:{key}",
            bill=None if bill is None else BillId(bill),
            by=call.actor,
            now=services.now(),
        )
    at = f"{PREFIX}/tenants/{call.tenant.id}/test-nota/{made.external_id}"
    return Answer(status=202, body=_shown(made), headers={"Location": at})


async def look(call: Call[NoBody, NoQuery]) -> Answer:
    """Say how it stands."""
    services = call.services
    async with _refusing():
        found = await look_at_sample(
            services.pool, services.sealer, services.clients, call.tenant.id, call.path["key"]
        )
    if found is None:
        raise _unknown()
    return Answer(body=_shown(found))


async def pdf(call: Call[NoBody, NoQuery]) -> Answer:
    """Fetch its PDF."""
    services, key = call.services, call.path["key"]
    async with _refusing():
        document = await sample_pdf(
            services.pool, services.sealer, services.clients, call.tenant.id, key
        )
    if document is None:
        raise Problem(409, "document_not_ready", "The issuer has no such document yet; ask later.")
    return attachment(f"{key}.pdf", document, "application/pdf")


@asynccontextmanager
async def _refusing() -> AsyncIterator[None]:
    try:
        yield
    except TryRefused as error:
        status = _STATUSES.get(error.code, 409)
        code = error.code if error.code in _KNOWN else "bill_lacks_data"
        raise Problem(status, code, str(error), missing=_missing(error.code)) from error


def _missing(code: str) -> tuple[str, ...]:
    return () if code in _KNOWN else (code,)


def _unknown() -> Problem:
    return Problem(404, "test_nota_unknown", "There is no test nota of this id.")


def _shown(nota: SampleNota) -> SampleOut:
    return SampleOut(
        external_id=nota.external_id, state=nota.state, number=nota.number, reason=nota.reason
    )


_ISSUER: Final = (
    "issuer_not_connected",
    "issuer_key_refused",
    "issuer_forbidden",
    "issuer_company_unknown",
)
_AWAY: Final = ("issuer_unreachable", "vindi_unreachable")
_BILL: Final = ("bill_not_found", "no_bill_yet", "no_rule", "vindi_not_connected")
_KNOWN: Final = frozenset({*_ISSUER, *_AWAY, *_BILL})
_STATUSES: Final = {"issuer_unreachable": 502, "vindi_unreachable": 502, "bill_not_found": 404}
_PATH: Final = "/tenants/{tenant_id}/test-nota"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="POST",
        path=_PATH,
        name="ask_test_nota",
        summary="Have one nota made in the issuer's test environment, of a real bill",
        handler=ask,
        body=SampleAsked,
        query=NoQuery,
        status=202,
        answer=SampleOut,
        refusals={
            404: ("bill_not_found",),
            409: (*_ISSUER, "no_bill_yet", "no_rule", "vindi_not_connected", "bill_lacks_data"),
            502: _AWAY,
        },
        idempotent_by_key=True,
    ),
    Operation(
        method="GET",
        path=f"{_PATH}/{{key}}",
        name="look_at_test_nota",
        summary="How a test nota stands",
        handler=look,
        answer=SampleOut,
        refusals={404: ("test_nota_unknown",), 409: _ISSUER, 502: _AWAY[:1]},
        **NOTHING,
    ),
    Operation(
        method="GET",
        path=f"{_PATH}/{{key}}/pdf",
        name="get_test_nota_pdf",
        summary="Fetch the PDF of a test nota",
        handler=pdf,
        media_type="application/pdf",
        refusals={409: (*_ISSUER, "document_not_ready"), 502: _AWAY[:1]},
        **NOTHING,
    ),
)
