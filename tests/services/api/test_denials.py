"""What support sees of denials, brakes and outages."""

from shared.crypto import columns
from shared.domain.sale import SaleStatus
from tests.services.api.support import World

WHY = {"reason": "certificado novo enviado"}


async def test_denials_are_shown_by_cause_and_sent_again_by_one_call(world: World) -> None:
    tenant = await world.active_tenant()
    for bill in (1, 2, 3):
        await world.sale(
            tenant, bill, SaleStatus.DENIED, nota="denied", denial="denied_certificate"
        )
    await world.sale(tenant, 4, SaleStatus.DENIED, nota="denied", denial="denied_numbering")

    shown = await world.api.get(f"/tenants/{tenant}/denials")
    retried = await world.api.post(f"/tenants/{tenant}/denials/denied_certificate/retry", WHY)
    numbering = await world.api.post(f"/tenants/{tenant}/denials/denied_numbering/retry", WHY)
    nonsense = await world.api.post(f"/tenants/{tenant}/denials/x'y/retry", WHY)

    first = shown.body["items"][0]
    assert (first["group"], first["count"], first["amount"]) == ("denied_certificate", 3, "539.70")
    assert first["example_bill_ids"] == [1, 2, 3]
    assert first["who_acts"] == "tenant"
    assert (retried.status, retried.body["accepted"]) == (202, 3)
    assert (numbering.status, numbering.code) == (409, "numbering_needs_person")
    assert (nonsense.status, nonsense.code) == (404, "denial_group_unknown")


async def test_the_issuers_own_words_are_shown_with_the_sale(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 7, SaleStatus.DENIED, nota="denied", denial="denied_certificate")
    sealed = columns.REASON.seal(world.sealer, tenant, b"O certificado expirou.", 7, 0, 1)
    async with world.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET reason = $1", sealed)

    sale = await world.api.get(f"/tenants/{tenant}/sales/7")
    groups = await world.api.get(f"/tenants/{tenant}/denials")

    assert sale.body["attention"]["original"] == "O certificado expirou."
    assert groups.body["items"][0]["original"] == "O certificado expirou."


async def test_limits_are_set_shown_and_released(world: World) -> None:
    tenant = await world.active_tenant()
    wanted = {"notas_a_day": 100, "amount_a_nota": "5000.00"}

    put = await world.api.put(f"/tenants/{tenant}/limits", wanted)
    zero = await world.api.put(f"/tenants/{tenant}/limits", {"amount_a_day": "0.00"})
    idle = await world.api.post(f"/tenants/{tenant}/limits/release", WHY)
    async with world.pool.acquire() as conn:
        await conn.execute(
            "UPDATE tenant_brakes SET code = 'brake_daily_count', braked_at = now(), detail = 'x'"
        )
    await world.sale(tenant, 9, SaleStatus.HELD, code="brake_daily_count")
    shown = await world.api.get(f"/tenants/{tenant}/limits")
    health = await world.api.get(f"/tenants/{tenant}/health")
    released = await world.api.post(f"/tenants/{tenant}/limits/release", WHY)

    assert put.status == 200
    assert put.body["amount_a_nota"] == "5000.00"
    assert put.body["brake"] is None
    assert (zero.status, zero.code) == (422, "invalid_request")
    assert (idle.status, idle.code) == (409, "no_brake")
    assert shown.body["brake"]["code"] == "brake_daily_count"
    assert health.body["status"] == "broken"
    assert "brake_daily_count" in {check["code"] for check in health.body["checks"]}
    assert (released.status, released.body) == (202, {"released": 1})
    assert await world.due(tenant) == [9]


async def test_an_outage_is_seen_in_health(world: World) -> None:
    tenant = await world.active_tenant()
    async with world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO issuer_breakers (tenant_id, scope, state, since)"
            " VALUES ($1, 'city', 'open', now())",
            tenant,
        )

    health = await world.api.get(f"/tenants/{tenant}/health")

    by_code = {check["code"]: check["status"] for check in health.body["checks"]}
    assert by_code["city_outage"] == "broken"
    assert by_code["issuer_outage"] == "ok"


async def test_a_statement_is_taken_where_the_state_asks_for_one(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 5, SaleStatus.UNCERTAIN, nota="uncertain")
    await world.sale(tenant, 6, SaleStatus.ISSUED, nota="issued")
    path = f"/tenants/{tenant}/sales"

    stated = await world.api.post(f"{path}/5/state-nota", {"exists": True, "number": "77", **WHY})
    sale = await world.api.get(f"{path}/5")
    refused = await world.api.post(f"{path}/6/state-nota", {"exists": True, **WHY})
    cancelled = await world.api.post(f"{path}/6/state-nota", {"exists": False, **WHY})
    ended = await world.api.get(f"{path}/6")
    unknown = await world.api.post(f"{path}/8/state-nota", {"exists": False, **WHY})
    odd = await world.api.post(f"{path}/5/state-nota", {"exists": False, "number": "1", **WHY})

    assert stated.status == 202
    assert (sale.body["status"], sale.body["nota"]["number"]) == ("issued", "77")
    assert sale.body["attention"]["code"] == "stated_by_person"
    assert (refused.status, refused.code) == (409, "nothing_to_state")
    assert cancelled.status == 202
    assert (ended.body["status"], ended.body["attention"]["code"]) == ("cancelled", "cancel_stated")
    assert (unknown.status, unknown.code) == (404, "sale_unknown")
    assert odd.status == 422
