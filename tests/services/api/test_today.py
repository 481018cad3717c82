"""Another day is a person's own word, and it is said what it changes before it is done."""

from datetime import date

from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from tests.services.api.support import World

WHY = {"reason": "conforme o contador"}
TODAY = {**WHY, "competencia": "today"}
SEPTEMBER = date(2026, 9, 28)


async def denied(world: World, tenant: TenantId, bill: int, denial: str, cause: str | None) -> None:
    await world.sale(
        tenant,
        bill,
        SaleStatus.DENIED,
        code=denial,
        nota="denied",
        denial=denial,
        competencia=SEPTEMBER,
    )
    async with world.pool.acquire() as conn:
        await conn.execute("UPDATE notas SET denial_cause = $2 WHERE bill_id = $1", bill, cause)


async def test_only_a_refused_day_is_offered_today_with_the_month_it_moves_to(world: World) -> None:
    tenant = await world.active_tenant()
    await denied(world, tenant, 1, "denied_competencia", "nacional:E0015")
    await denied(world, tenant, 2, "denied_service", "nacional:E0617")

    day = (await world.api.get(f"/tenants/{tenant}/sales/1")).body["attention"]
    service = (await world.api.get(f"/tenants/{tenant}/sales/2")).body["attention"]

    assert [(one["action"], one["competencia"]) for one in day["offers"]] == [
        ("retry", None),
        ("issue", "today"),
    ]
    assert "passa de setembro de 2026 para" in day["offers"][1]["text"]
    assert [one["action"] for one in service["offers"]] == ["retry"]
    assert "setembro de 2026" in service["offers"][0]["text"]
    assert service["who_acts"] == "accountant"
    assert "Retire-a da regra" in service["message"]
    assert "mantém a data" in service["message"]


async def test_issuing_with_today_is_taken_there_and_refused_elsewhere(world: World) -> None:
    tenant = await world.active_tenant()
    await denied(world, tenant, 1, "denied_competencia", "nacional:E0015")
    await denied(world, tenant, 2, "denied_service", "nacional:E0617")
    await denied(world, tenant, 3, "denied_competencia", "nacional:E0050")
    await world.sale(tenant, 4, SaleStatus.HELD, code="competencia_month_closed")
    path = f"/tenants/{tenant}/sales"

    moved = await world.api.post(f"{path}/1/issue", TODAY)
    service = await world.api.post(f"{path}/2/issue", TODAY)
    deadline = await world.api.post(f"{path}/3/issue", TODAY)
    closed = await world.api.post(f"{path}/4/issue", TODAY)
    kept = await world.api.post(f"{path}/2/retry", WHY)
    odd = await world.api.post(f"{path}/1/issue", {**WHY, "competencia": "2026-10-01"})
    never = await world.api.post(f"{path}/2/retry", TODAY)

    assert (moved.status, closed.status, kept.status) == (202, 202, 202)
    assert (service.status, service.code) == (409, "no_day_to_move")
    assert (deadline.status, deadline.code) == (409, "no_day_to_move")
    assert odd.status == never.status == 422
    chosen = await world.column("SELECT bill_id FROM sales WHERE day_choice = 'today' ORDER BY 1")
    assert chosen == [1, 4]


async def test_many_at_once_are_moved_only_where_their_day_was_refused(world: World) -> None:
    tenant = await world.active_tenant()
    await denied(world, tenant, 1, "denied_competencia", None)
    await denied(world, tenant, 2, "denied_service", None)
    wish = {"action": "issue", "bill_ids": [1, 2], **TODAY}

    reply = await world.api.post(f"/tenants/{tenant}/sales/actions", wish)

    assert reply.body["accepted"] == 1
    assert reply.body["refused"] == [{"bill_id": 2, "code": "no_day_to_move"}]


async def test_the_sellers_own_faults_are_never_the_customers(world: World) -> None:
    tenant = await world.active_tenant()
    causes = {
        1: ("denied_issuer_setup", "nacional:E0080"),
        2: ("denied_issuer_setup", "nacional:E0041"),
        3: ("denied_service", "nacional:E0667"),
        4: ("denied_certificate", "nacional:E0714"),
        5: ("denied_issuer_setup", "nacional:E0600"),
    }
    for bill, (denial, cause) in causes.items():
        await denied(world, tenant, bill, denial, cause)

    for bill, (denial, _) in causes.items():
        attention = (await world.api.get(f"/tenants/{tenant}/sales/{bill}")).body["attention"]
        assert attention["code"] == denial
        assert attention["who_acts"] in ("tenant", "accountant")
