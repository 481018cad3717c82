"""Notas as they were issued and cancelled, written down directly, and the closing asked for."""

from datetime import date, datetime
from typing import Any

from msgspec.json import encode
from msgspec.structs import replace

from shared.crypto import columns
from shared.db.sales import intents_store
from shared.db.sales.intents_store import Intent
from shared.domain.fiscal import fiscal_facts
from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.money import Cents
from shared.domain.nota import IssuerEnvironment, NotaDraft, Service, Tomador
from shared.domain.sale import SaleStatus
from tests.services.api.support import World
from tests.services.reconciler.closing.test_api import add_bill

MONTH = "2026-11"
NEXT = "2026-12"
SERVICE = Service(lc116="1.07", municipal_code="02800", iss_rate="2.00")


def a_draft(service: Service = SERVICE, **changes: Any) -> NotaDraft:
    draft = NotaDraft(
        amount=Cents(17_990),
        competencia=date(2026, 11, 10),
        description="Plano",
        tomador=Tomador(
            name="Padaria Fictícia", email=None, document="11222333000181", phone=None, address=None
        ),
        service=service,
        send_email=False,
    )
    return replace(draft, **changes)


async def issued(
    world: World,
    tenant: TenantId,
    bill: int,
    draft: NotaDraft,
    *,
    part: int = 0,
    revision: int = 1,
    environment: IssuerEnvironment = "Producao",
    again: bool = False,
    **sale: Any,
) -> None:
    """A sale and its valid nota, as the emitter leaves them."""
    if part <= 1 and revision == 1 and not again:
        await world.sale(tenant, bill, SaleStatus.ISSUED, **sale)
        await add_bill(world, tenant, bill)
    facts = fiscal_facts(draft)
    sealed = columns.REQUEST.seal(world.sealer, tenant, encode(draft), bill, part, revision)
    intent = Intent(
        bill_id=BillId(bill),
        part=part,
        revision=revision,
        external_id=ExternalId(f"p-{tenant}-{bill}x{part}-{revision}"),
        environment=environment,
        amount=draft.amount,
        competencia=draft.competencia,
        request=sealed,
        fiscal_class=facts.fiscal_class,
        discount=facts.discount,
        conditional_discount=facts.conditional_discount,
        deductions=facts.deductions,
        iss=facts.iss,
        pis_withheld=facts.pis,
        cofins_withheld=facts.cofins,
        csll_withheld=facts.csll,
        inss_withheld=facts.inss,
        irrf_withheld=facts.irrf,
    )
    async with world.pool.acquire() as conn:
        await intents_store.write_intents(conn, tenant, [intent])
        await conn.execute(
            "UPDATE notas SET status = 'issued', issued_at = now(), number = $3"
            " WHERE tenant_id = $1 AND external_id = $2",
            tenant,
            intent.external_id,
            f"{bill}{part}{revision}",
        )


async def cancelled(world: World, tenant: TenantId, bill: int, at: datetime, **nota: Any) -> None:
    async with world.pool.acquire() as conn:
        await conn.execute(
            "UPDATE notas SET status = 'cancelled', cancelled_at = $3, raw_status = $4"
            " WHERE tenant_id = $1 AND bill_id = $2",
            tenant,
            bill,
            at,
            nota.get("raw_status", "Cancelada"),
        )
        await conn.execute(
            "UPDATE sales SET status = 'cancelled', code = 'refunded'"
            " WHERE tenant_id = $1 AND bill_id = $2",
            tenant,
            bill,
        )


async def closing(world: World, tenant: TenantId, month: str = MONTH) -> Any:
    reply = await world.api.get(f"/tenants/{tenant}/closing?month={month}")
    assert reply.status == 200, reply.body
    bridge = reply.body["totals"]["bridge"]
    assert bridge["difference"] == "0.00"
    assert bridge["notas_of_sales"] == reply.body["notas"]["amount"]
    return reply.body


def months(found: Any) -> list[tuple[str | None, int, str]]:
    return [(one["month"], one["notas"], one["amount"]) for one in found]
