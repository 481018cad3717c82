"""A tenant's connections: keys are checked before they are stored, and never shown again."""

import asyncio
from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from services.reconciler.api.kit.once import once
from services.reconciler.api.kit.operation import (
    Answer,
    AnyOperation,
    Call,
    MayBeEmpty,
    NoQuery,
    Operation,
    Strict,
)
from services.reconciler.api.kit.refusals import refusing
from services.reconciler.api.kit.shapes import WarningOut
from services.reconciler.api.kit.words import ApiKey, CompanyId, Confirm, Day
from shared.commands.checks import Notice
from shared.commands.set_up import SalesOfTests
from shared.config.secret import Secret
from shared.db.connection import Connection
from shared.db.tenants.connections_store import issuer_key_word
from shared.db.tenants.secrets_store import REMEMBERED_SECONDS
from shared.db.vindi.events_store import Source
from shared.vindi.budget import BudgetShare

# A person waits; the account's other work may have spent its requests for a while.
PATIENCE: Final = timedelta(seconds=10)


class VindiIn(Strict):
    """The Vindi account to read: a private key and where it is valid."""

    api_key: ApiKey
    environment: Literal["production", "sandbox"]
    confirm: Confirm = ()


class MerchantOut(BaseModel):
    """Whose account the key is of."""

    name: str
    registry_code: str | None


class VindiOut(BaseModel):
    """A connected account; `webhook_url` is to be entered at Vindi."""

    merchant: MerchantOut
    environment: Literal["production", "sandbox"]
    key_hint: str
    webhook_url: str
    warnings: list[WarningOut]


class NewSecretIn(MayBeEmpty):
    """How the address there is ends; without a word it is heard for 72 hours more."""

    revoke: Annotated[
        bool, Field(description="End every address there is now, because one may have leaked.")
    ] = False


class WebhookOut(BaseModel):
    """A new address; the one before it is heard for 72 hours more, or not any more."""

    webhook_url: str


class IssuerIn(Strict):
    """The issuer's account, and the company notas are issued for."""

    kind: Literal["enotas"]
    api_key: ApiKey
    company_id: CompanyId
    environment: Literal["Homologacao", "Producao"]
    test_sales: Annotated[
        Literal["hold", "issue"],
        Field(description="What becomes of sales issued only as tests once notas are real."),
    ] = "hold"
    test_sales_since: Annotated[
        Day | None,
        Field(description="With issue: the first local day of the sales that are due at once."),
    ] = None
    confirm: Confirm = ()


class CompanyOut(BaseModel):
    """The company as the issuer has it."""

    name: str
    cnpj: str | None


class IssuerOut(BaseModel):
    """A connected company; `status_webhook_url` is to be entered at the issuer."""

    company: CompanyOut
    status_webhook_url: str
    warnings: list[WarningOut]


async def put_vindi(call: Call[VindiIn, NoQuery]) -> Answer:
    """Connect Vindi."""
    key = Secret.of(call.body.api_key)
    environment = call.body.environment
    client = call.services.clients.vindi_account(
        call.tenant.id,
        environment=environment,
        api_key=key,
        share=BudgetShare.PERSON,
        patience=PATIENCE,
    )
    async with refusing():
        done = await call.services.set_up.connect_vindi(
            call.tenant.id,
            client,
            api_key=key,
            environment=environment,
            by=call.actor,
            confirmed=call.body.confirm,
        )
    return Answer(
        body=VindiOut(
            merchant=MerchantOut(name=done.merchant_name, registry_code=done.registry_code),
            environment=done.environment,
            key_hint=done.key_hint,
            webhook_url=done.webhook_url,
            warnings=_warnings(done.warnings),
        )
    )


async def new_secret(call: Call[NewSecretIn, NoQuery]) -> Answer:
    """Make a new webhook address for Vindi."""
    return await _new_secret(call, "vindi", "new_webhook_secret")


async def new_issuer_secret(call: Call[NewSecretIn, NoQuery]) -> Answer:
    """Make a new webhook address for the issuer."""
    return await _new_secret(call, "enotas", "new_issuer_webhook_secret")


async def _new_secret(call: Call[NewSecretIn, NoQuery], source: Source, operation: str) -> Answer:
    async def work(conn: Connection) -> Answer:
        url = await call.services.set_up.new_webhook(
            conn,
            call.tenant.id,
            source,
            now=call.services.now(),
            by=call.actor,
            revoke=call.body.revoke,
        )
        return Answer(status=201, body=WebhookOut(webhook_url=url))

    async with refusing():
        answer = await once(call, operation, WebhookOut, work)
    if call.body.revoke:
        await asyncio.sleep(REMEMBERED_SECONDS)  # until every process has forgotten the old ones
    return answer


async def put_issuer(call: Call[IssuerIn, NoQuery]) -> Answer:
    """Connect the issuer."""
    key = Secret.of(call.body.api_key)
    issuer = call.services.clients.issuer_company(
        api_key=key,
        company_id=call.body.company_id,
        key_word=issuer_key_word(call.services.sealer, key),
    )
    async with refusing():
        done = await call.services.set_up.connect_issuer(
            call.tenant.id,
            issuer,
            api_key=key,
            company_id=call.body.company_id,
            environment=call.body.environment,
            by=call.actor,
            tests=SalesOfTests(
                issue=call.body.test_sales == "issue", since=call.body.test_sales_since
            ),
            confirmed=call.body.confirm,
        )
    return Answer(
        body=IssuerOut(
            company=CompanyOut(name=done.company_name, cnpj=done.cnpj),
            status_webhook_url=done.status_webhook_url,
            warnings=_warnings(done.warnings),
        )
    )


def _warnings(notices: tuple[Notice, ...]) -> list[WarningOut]:
    return [WarningOut(code=notice.code, message=notice.message) for notice in notices]


_TENANT: Final = "/tenants/{tenant_id}"

OPERATIONS: Final[tuple[AnyOperation, ...]] = (
    Operation(
        method="PUT",
        path=f"{_TENANT}/vindi",
        name="connect_vindi",
        needs="operator",
        summary="Connect Vindi; the key is checked before it is stored",
        handler=put_vindi,
        body=VindiIn,
        query=NoQuery,
        answer=VindiOut,
        refusals={
            409: ("confirm_needed", "connected_meanwhile", "departing"),
            422: ("vindi_key_refused", "vindi_key_too_narrow", "vindi_account_blocked"),
            502: ("vindi_unreachable",),
        },
    ),
    Operation(
        method="POST",
        path=f"{_TENANT}/vindi/webhook-secret",
        name="new_webhook_secret",
        needs="operator",
        summary="Make a new webhook address; the old one is heard for 72 hours more, or revoked",
        handler=new_secret,
        body=NewSecretIn,
        query=NoQuery,
        status=201,
        answer=WebhookOut,
        idempotent_by_key=True,
        refusals={409: ("departing",)},
    ),
    Operation(
        method="POST",
        path=f"{_TENANT}/issuer/webhook-secret",
        name="new_issuer_webhook_secret",
        needs="operator",
        summary="The same for the address that the issuer tells of its notas",
        handler=new_issuer_secret,
        body=NewSecretIn,
        query=NoQuery,
        status=201,
        answer=WebhookOut,
        idempotent_by_key=True,
        refusals={409: ("departing",)},
    ),
    Operation(
        method="PUT",
        path=f"{_TENANT}/issuer",
        name="connect_issuer",
        needs="operator",
        summary="Connect the issuer; key and company are checked before they are stored",
        handler=put_issuer,
        body=IssuerIn,
        query=NoQuery,
        answer=IssuerOut,
        refusals={
            409: ("confirm_needed", "connected_meanwhile", "departing"),
            422: ("issuer_key_refused", "issuer_company_unknown", "issuer_company_incomplete"),
            502: ("issuer_unreachable",),
        },
    ),
)
