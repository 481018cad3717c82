"""The closing of sales that are unlike others, each tried against the API to the centavo."""

from datetime import UTC, date, datetime

from msgspec.structs import replace

from shared.domain.ids import TenantId
from shared.domain.money import Cents
from shared.domain.nota import SUBSTITUTED
from shared.domain.sale import SaleStatus
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import World
from tests.services.reconciler.closing.filed import (
    MONTH,
    NEXT,
    SERVICE,
    a_draft,
    closing,
    issued,
    months,
)
from tests.services.reconciler.closing.test_api import add_bill

__all__ = ["api", "sandbox", "settings", "world"]  # fixtures

CHARGE = """
    UPDATE bills SET amount = $3, moment_amount = $3 WHERE tenant_id = $1 AND bill_id = $2
"""
SELL = "UPDATE sales SET amount = $3 WHERE tenant_id = $1 AND bill_id = $2"
END_NOTA = """
    UPDATE notas SET status = 'cancelled', cancelled_at = $3, raw_status = $4
     WHERE tenant_id = $1 AND bill_id = $2 AND revision = 1
"""


async def test_a_month_without_sales_is_nothing_and_balances_with_itself(world: World) -> None:
    tenant = await world.active_tenant()

    body = await closing(world, tenant)
    file = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}&format=csv")

    assert (body["vindi"]["bills"], body["notas"]["bills"], body["exceptions"]) == (0, 0, [])
    assert (body["difference"], body["totals"]["classes"]) == ("0.00", [])
    assert len(file.body.decode().splitlines()) == 1  # its head


async def test_a_sale_of_one_centavo_is_filed_with_no_tax(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft(amount=Cents(1)))
    await charge(world, tenant, 1, 1)

    body = await closing(world, tenant)

    assert (body["vindi"]["amount"], body["notas"]["amount"]) == ("0.01", "0.01")
    assert (body["difference"], body["exceptions"]) == ("0.00", [])
    [one] = body["totals"]["classes"]
    assert (one["amount"], one["base"], one["iss_own"], one["net"]) == (
        *("0.01", "0.01", "0.00", "0.01"),
    )


async def test_a_nota_of_a_centavo_less_is_a_difference_of_a_centavo(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft(amount=Cents(17_989)))

    assert (await closing(world, tenant))["difference"] == "0.01"


async def test_a_nota_substituted_in_a_later_month_is_credited_and_filed_anew(
    world: World,
) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    await end(world, tenant, 1, datetime(2026, 12, 2, 15, tzinfo=UTC))
    mended = a_draft(replace(SERVICE, iss_rate="5.00"), competencia=date(2026, 12, 2))
    await issued(world, tenant, 1, mended, revision=2)

    november, december = await closing(world, tenant), await closing(world, tenant, NEXT)

    assert (november["notas"]["bills"], november["notas"]["amount"]) == (1, "179.90")
    assert november["difference"] == "0.00"
    assert november["totals"]["sum"]["iss_own"] == "3.60"  # as it was filed
    assert months(november["totals"]["bridge"]["cancelled_later"]) == [(NEXT, 1, "179.90")]
    assert december["credits"]["sum"]["iss_own"] == "3.60"
    assert december["totals"]["sum"]["iss_own"] == "9.00"


async def test_a_nota_substituted_in_its_month_counts_once(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    await end(world, tenant, 1, datetime(2026, 11, 20, tzinfo=UTC))
    await issued(world, tenant, 1, a_draft(replace(SERVICE, iss_rate="5.00")), revision=2)

    body = await closing(world, tenant)

    assert (body["notas"]["bills"], body["notas"]["amount"]) == (1, "179.90")
    assert (body["totals"]["sum"]["notas"], body["totals"]["sum"]["iss_own"]) == (1, "9.00")
    assert body["credits"]["sum"]["notas"] == 0


async def test_a_sale_to_a_customer_abroad_is_filed_apart_and_without_iss(world: World) -> None:
    tenant = await world.active_tenant()
    await issued(world, tenant, 1, a_draft())
    abroad = replace(SERVICE, export=True)
    await issued(world, tenant, 2, a_draft(abroad), customer_name="Søren Ångström AG")

    body = await closing(world, tenant)
    file = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}&format=csv")

    assert [(one["notas"], one["iss_own"]) for one in body["totals"]["classes"]] in (
        [(1, "3.60"), (1, "0.00")],
        [(1, "0.00"), (1, "3.60")],
    )
    assert body["totals"]["sum"]["amount"] == body["notas"]["amount"] == "359.80"
    assert "Søren Ångström AG" in file.body.decode()


async def test_a_sale_whose_bill_was_never_stored_counts_on_neither_side_but_as_itself(
    world: World,
) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.HELD, code="customer_document_missing")
    await world.sale(tenant, 2, SaleStatus.HELD, code="customer_document_missing")
    await add_bill(world, tenant, 2)

    body = await closing(world, tenant)

    assert body["vindi"]["amount"] == "179.90"
    [held] = body["exceptions"]
    assert (held["bills"], held["amount"]) == (2, "359.80")
    assert body["difference"] == "-179.90"


async def charge(world: World, tenant: TenantId, bill: int, amount: int) -> None:
    async with world.pool.acquire() as conn:
        for change in (CHARGE, SELL):
            await conn.execute(change, tenant, bill, amount)


async def end(world: World, tenant: TenantId, bill: int, at: datetime) -> None:
    async with world.pool.acquire() as conn:
        await conn.execute(END_NOTA, tenant, bill, at, SUBSTITUTED)
