"""A tenant with a bit of everything, made by the real emitter against the sandbox."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.panel.app import create_app
from services.sandbox.enotas.records import Outcome
from services.sandbox.run import Sandbox
from services.sandbox.vindi import operations
from shared.config.settings import load_panel
from shared.db.connection import Pool
from shared.domain.ids import BillId
from tests.services.api.conftest import serving
from tests.services.emitter.conftest import SEALER, TENANT, Desk, a_desk
from tests.services.panel.support import Panel

RULE = {
    "issue_when": "bill_paid",
    "exceptions": [
        {
            "if": {"product_code": ["CURSO"]},
            "issue_when": "guarantee_ended",
            "guarantee_days": 7,
        },
        {"if": {"customer_code": ["PARCEIRO-1"]}, "issue_when": "never"},
    ],
    "service": {"municipal_code": "010700188", "lc116": "1.07", "iss_rate": "2.00"},
}
LONG_NAME = (
    "Associação Beneficente de Amparo e Assistência às Famílias 🎓 مرحبا " + "Muito Longa " * 12
)


async def live(desk: Desk) -> dict[str, int]:
    """Let a small month happen; bills by what became of them."""
    await desk.rule(**RULE)
    account = desk.account
    course = operations.create_product(account, name="Curso de Cerâmica", code="CURSO")
    bills: dict[str, int] = {}
    for number in range(6):
        bill = await desk.sold(customer={"name": f"Cliente {'ABCDEF'[number]}"})
        bills["issued"] = bill.id
    bills["waiting"] = (await desk.sold(paid=False, customer={"name": "Padaria Boreal"})).id
    bills["guarantee"] = (
        await desk.sold(
            lines=[{"product_id": course.id, "amount": "997.00"}],
            customer={"name": "Escola de Música Andorinha"},
        )
    ).id
    no_street = {"name": "Dora Sem Endereço", "address": {}}
    bills["held"] = (await desk.sold(customer=no_street)).id
    bills["held_too"] = (await desk.sold(customer={**no_street, "name": "Elias Sem Rua"})).id
    bills["no_document"] = (await desk.sold(customer={"name": LONG_NAME, "registry_code": None})).id
    bills["never"] = (await desk.sold(customer={"name": "Parceiro", "code": "PARCEIRO-1"})).id
    denied = desk.sell(customer={"name": "Fábio Negado"})
    desk.sandbox.enotas.decide(
        desk.company, f"p-{TENANT}-{denied.id}-1", Outcome(kind="deny", denial="certificate")
    )
    await desk.heard(BillId(denied.id))
    bills["denied"] = denied.id
    await _finish(desk)
    return bills


async def _finish(desk: Desk) -> None:
    for _ in range(12):
        await desk.work()
        await asyncio.sleep(0)
        desk.sandbox.clock.advance(120)
        await desk.pool.execute(
            "UPDATE outbox SET due_at = now()"
            " WHERE state = 'due' AND due_at < now() + $1::interval",
            timedelta(hours=1),
        )


@asynccontextmanager
async def lively_panel(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[tuple[Panel, dict[str, int]]]:
    """The panel over a tenant that has lived."""
    async with a_desk(pool, sandbox) as desk:
        bills = await live(desk)
        async with panel_beside(pool, sandbox, database, redis_url) as panel:
            yield panel, bills


@asynccontextmanager
async def panel_beside(
    pool: Pool, sandbox: Sandbox, database: str, redis_url: str
) -> AsyncIterator[Panel]:
    """The panel with the keys of the desk's emitter."""
    settings = load_panel(
        {
            "DATABASE_URL": database,
            "REDIS_URL": redis_url,
            "SECRET_KEYS": base64.urlsafe_b64encode(b"k" * 32).decode(),
            "PUBLIC_WEBHOOK_URL": "https://hooks.example.test",
            "VINDI_URL_PRODUCTION": sandbox.vindi_url,
            "VINDI_URL_SANDBOX": sandbox.vindi_url,
            "VINDI_REQUESTS_PER_MINUTE": "100000",
            "ENOTAS_URL": sandbox.enotas_url,
            "ISSUER_REQUESTS_PER_SECOND": "1000",
        }
    )
    async with serving(create_app(settings)) as base:
        yield Panel(base=base, pool=pool, sandbox=sandbox, sealer=SEALER)
