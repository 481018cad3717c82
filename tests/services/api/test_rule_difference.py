from shared.domain.sale import SaleStatus
from tests.services.api.support import RULE, Api, World


async def test_a_rule_is_compared_before_it_is_put(world: World) -> None:
    tenant = await world.active_tenant()
    await world.sale(tenant, 1, SaleStatus.HELD, code="bill_unreadable")

    reply = await world.api.post(f"/tenants/{tenant}/rule/difference", {"rule": RULE})

    assert reply.status == 200
    nothing: dict[str, object] = {"sales": 0, "changed": 0, "complete": True, "changes": []}
    assert reply.body == {**nothing, "warnings": []}


async def test_an_impossible_rule_is_not_compared_but_refused_with_its_field(api: Api) -> None:
    tenant = await api.tenant()
    rule = {**RULE, "description": "{produto}"}

    reply = await api.post(f"/tenants/{tenant}/rule/difference", {"rule": rule})

    assert reply.status == 422
    assert [error["field"] for error in reply.body["errors"]] == ["rule.description"]
