"""A rule whose fields the issuer lacks is refused with each of them."""

from typing import Any

import pytest

from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.interface import Capabilities
from tests.services.api.support import RULE, Api, World

FISCAL: dict[str, Any] = {
    **RULE,
    "service": {"lc116": "17.01", "nature": "1", "iss_withholding": "companies"},
    "services_by_product_code": {"CURSO": {"lc116": "8.02", "withholdings": {"irrf": "1.50"}}},
    "customers": {"C-9": {"municipal_registration": "1234"}},
    "customer_foreign": "issue",
}


async def test_what_the_issuer_takes_is_taken_and_shown_as_it_was_put(world: World) -> None:
    tenant = await world.active_tenant()

    reply = await world.api.put(f"/tenants/{tenant}/rule", FISCAL)

    assert reply.status == 200
    assert reply.body["service"]["nature"] == "1"
    assert reply.body["customers"]["C-9"]["municipal_registration"] == "1234"


async def test_a_field_that_the_issuer_lacks_is_refused_with_its_word(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await world.active_tenant()
    fewer = Capabilities(lists=True, fields=frozenset({"nature"}))
    monkeypatch.setattr(EnotasIssuer, "capabilities", fewer)

    reply = await world.api.put(f"/tenants/{tenant}/rule", FISCAL)

    assert (reply.status, reply.code) == (422, "issuer_lacks_field")
    assert [(one["field"], one["message"].split(":")[0]) for one in reply.body["errors"]] == [
        ("services_by_product_code.CURSO.withholdings", "withholdings"),
        ("customers.C-9.municipal_registration", "municipal_registration"),
        ("customer_foreign", "foreign_buyer"),
    ]


async def test_before_an_issuer_is_connected_nothing_is_known_to_lack(api: Api) -> None:
    reply = await api.put(f"/tenants/{await api.tenant()}/rule", FISCAL)
    assert reply.status == 200


@pytest.mark.parametrize(
    ("service", "field", "said"),
    [
        ({"rps_number": 7}, "service.rps_number", 'rps_number: deve ser "sequence"'),
        (
            {"withholdings": {"irrf": "1,5"}},
            "service.withholdings.irrf",
            "irrf: deve ser uma porcentagem",
        ),
        (
            {"iss_withholding": "companies_of_same_city"},
            "seller_city",
            "seller_city: é obrigatório com",
        ),
        ({"extras": {"outro": "1"}}, "service.extras", "extras: o nome não é conhecido"),
        (
            {"place": {"city": "Curitiba", "state": "SP"}},
            "service.place",
            "place: o IBGE não conhece essa cidade",
        ),
    ],
)
async def test_a_field_that_cannot_be_is_refused_where_it_stands(
    api: Api, service: dict[str, Any], field: str, said: str
) -> None:
    reply = await api.put(f"/tenants/{await api.tenant()}/rule", {**RULE, "service": service})
    assert reply.status == 422
    (error,) = reply.body["errors"]
    assert error["field"] == field
    assert error["message"].startswith(said)


async def test_substitution_is_refused_where_the_issuer_lacks_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await world.active_tenant()
    path, rule = f"/tenants/{tenant}/rule", {**RULE, "reissue": "substitute"}
    assert (await world.api.put(path, rule)).status == 200
    monkeypatch.setattr(EnotasIssuer, "capabilities", Capabilities(lists=True))

    reply = await world.api.put(path, rule)

    assert (reply.status, reply.code) == (422, "issuer_lacks_field")
    (error,) = reply.body["errors"]
    assert (error["field"], error["message"].split(":")[0]) == ("reissue", "substitution")
    cancels = {**RULE, "reissue": "cancel_and_new"}
    assert (await world.api.put(path, cancels)).status == 200
