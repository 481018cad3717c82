"""The company's registration says where it is and how it is taxed; the rule may say otherwise."""

from tests.services.api.support import RULE, World


async def registered(world: World, tenant: str) -> tuple[str | None, str | None]:
    row = await world.pool.fetchrow(
        "SELECT company_city, company_regime FROM issuer_connections WHERE tenant_id = $1", tenant
    )
    assert row is not None
    return row["company_city"], row["company_regime"]


async def test_city_and_regime_are_kept_as_the_registration_says(world: World) -> None:
    tenant = await world.active_tenant()
    assert await registered(world, tenant) == ("3550308", "simples")


async def test_another_regime_than_the_registered_one_has_to_be_confirmed(world: World) -> None:
    tenant = await world.active_tenant()
    path = f"/tenants/{tenant}/rule"

    asked = await world.api.put(path, {**RULE, "regime": "normal"})

    assert (asked.status, asked.code) == (409, "confirm_needed")
    (warning,) = asked.body["warnings"]
    assert (warning["code"], warning["field"]) == ("regime_differs", "regime")
    assert "Simples Nacional" in warning["message"]
    shown = await world.api.post(f"{path}/difference", {"rule": {**RULE, "regime": "normal"}})
    assert [one["code"] for one in shown.body["warnings"]] == ["regime_differs"]
    taken = await world.api.put(path, {**RULE, "regime": "normal", "confirm": ["regime_differs"]})
    assert taken.status == 200
    assert (await world.api.put(path, {**RULE, "regime": "simples"})).status == 200


async def test_what_a_regime_does_not_allow_is_refused_with_its_field(world: World) -> None:
    tenant = await world.active_tenant()
    rule = {**RULE, "regime": "mei", "service": {"lc116": "1.07", "iss_rate": "2.00"}}
    reply = await world.api.put(f"/tenants/{tenant}/rule", rule)
    assert reply.status == 422
    (error,) = reply.body["errors"]
    assert error["field"] == "service.iss_rate"
    assert "E0600" in error["message"]
