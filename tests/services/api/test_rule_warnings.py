"""What is unusual in a rule is asked about before it is put; what cannot be meant is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.api.support import RULE, Api, World

UNUSUAL = {**RULE, "service": {"lc116": "1.07", "iss_rate": "0.02"}}
REFORM = {"class_code": "000001", "operation_code": "100301"}


async def put(api: Api, rule: dict[str, Any]) -> Any:
    return await api.put(f"/tenants/{await api.tenant()}/rule", rule)


@pytest.mark.parametrize("rate", ["2.00", "2", "5.00", "3.5"])
async def test_a_usual_rate_is_taken_at_once(api: Api, rate: str) -> None:
    reply = await put(api, {**RULE, "service": {"lc116": "1.07", "iss_rate": rate}})

    assert (reply.status, reply.body["service"]["iss_rate"]) == (200, rate)


@pytest.mark.parametrize(
    ("rate", "code"),
    [
        ("0.02", "iss_rate_fraction"),
        ("1.50", "iss_rate_low"),
        ("5.01", "iss_rate_high"),
        ("20.00", "iss_rate_high"),
    ],
)
async def test_an_unusual_rate_has_to_be_confirmed(api: Api, rate: str, code: str) -> None:
    tenant = await api.tenant()
    rule = {**RULE, "service": {"iss_rate": rate}}

    asked = await api.put(f"/tenants/{tenant}/rule", rule)
    other = await api.put(f"/tenants/{tenant}/rule", {**rule, "confirm": ["something_else"]})
    none_yet = await api.get(f"/tenants/{tenant}/rule")
    taken = await api.put(f"/tenants/{tenant}/rule", {**rule, "confirm": [code, "another"]})
    in_force = await api.get(f"/tenants/{tenant}/rule")

    assert (asked.status, asked.code, asked.body["missing"]) == (409, "confirm_needed", [code])
    (warning,) = asked.body["warnings"]
    assert (warning["code"], warning["field"]) == (code, "service.iss_rate")
    assert warning["message"].startswith("iss_rate: ")
    assert (other.status, none_yet.status) == (409, 404)
    assert (taken.status, taken.body["version"]) == (200, 1)
    assert in_force.body["service"]["iss_rate"] == rate
    assert "confirm" not in in_force.body
    assert "confirm" not in in_force.body["rule"]


async def test_each_warning_is_confirmed_by_its_own_code(api: Api) -> None:
    tenant = await api.tenant()
    rule = {
        **UNUSUAL,
        "services_by_product_code": {"CURSO": {"lc116": "8.02", "iss_rate": "6.00"}},
    }

    asked = await api.put(f"/tenants/{tenant}/rule", rule)
    half = await api.put(f"/tenants/{tenant}/rule", {**rule, "confirm": ["iss_rate_high"]})

    assert [one["field"] for one in asked.body["warnings"]] == [
        "service.iss_rate",
        "services_by_product_code.CURSO.iss_rate",
    ]
    assert half.body["missing"] == ["iss_rate_fraction"]
    both = {"confirm": ["iss_rate_high", "iss_rate_fraction"]}
    assert (await api.put(f"/tenants/{tenant}/rule", {**rule, **both})).status == 200


async def test_nothing_confirms_what_cannot_be_meant(api: Api) -> None:
    rule = {**RULE, "confirm": ["lc116"], "service": {"lc116": "xx", "iss_rate": "0.02"}}

    reply = await put(api, rule)

    assert (reply.status, [one["field"] for one in reply.body["errors"]]) == (
        422,
        ["service.lc116"],
    )


async def test_who_confirmed_what_is_kept(world: World) -> None:
    tenant = await world.api.tenant()
    await world.api.put(f"/tenants/{tenant}/rule", {**UNUSUAL, "confirm": ["iss_rate_fraction"]})

    kept = await world.column(
        "SELECT detail FROM audit WHERE tenant_id = $1 AND action = 'rule_put'", tenant
    )

    assert kept == [{"version": 1, "confirmed": ["iss_rate_fraction"]}]


async def test_a_comparison_shows_what_putting_the_rule_would_ask(world: World) -> None:
    tenant = await world.active_tenant()

    reply = await world.api.post(f"/tenants/{tenant}/rule/difference", {"rule": UNUSUAL})

    assert reply.status == 200
    assert [one["code"] for one in reply.body["warnings"]] == ["iss_rate_fraction"]


async def test_a_preview_shows_it_too_and_changes_nothing(world: World) -> None:
    tenant = await world.active_tenant()
    since = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    told = {"rule": {**UNUSUAL, "confirm": []}, "since": since}

    reply = await world.api.post(f"/tenants/{tenant}/rule/preview", told)

    assert reply.status == 202
    assert reply.headers["Location"].endswith(reply.body["id"])
    assert [(one["code"], one["field"]) for one in reply.body["warnings"]] == [
        ("iss_rate_fraction", "service.iss_rate")
    ]


# A class of IBS/CBS without its NBS (E0322), and what else no nota could carry.
REFUSED = [
    ({"service": {"lc116": "1.07", "iss_rate": "2.00", "ibs_cbs": REFORM}}, "service.nbs"),
    ({"service": {"nbs": "abc", "ibs_cbs": REFORM}}, "service.nbs"),
    ({"service": {"nbs": "115021000", "ibs_cbs": {"class_code": "123456"}}},
     "service.ibs_cbs.class_code"),
    ({"service": {"lc116": "xx"}}, "service.lc116"),
    ({"service": {"national_code": "1.07"}}, "service.national_code"),
    ({"service": {"national_code": "10701"}}, "service.national_code"),
    ({"service": {"municipal_code": " "}}, "service.municipal_code"),
    ({"service": {"iss_rate": "120"}}, "service.iss_rate"),
    ({"service": {"cnae": "abc"}}, "service.cnae"),
    ({"services_by_product_code": {"A": {"nbs": "12345"}}}, "services_by_product_code.A.nbs"),
    ({"services_by_product_code": {" ": {}}}, "services_by_product_code"),
    ({"description": "{produtos}\x0b"}, "description"),
    ({"description": "{produtos}\x00"}, "description"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field"), REFUSED)
async def test_a_rule_is_refused_alike_when_put_compared_and_previewed(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    tenant, rule = await api.tenant(), {**RULE, **changes}
    path = f"/tenants/{tenant}/rule"

    put = await api.put(path, rule)
    compared = await api.post(f"{path}/difference", {"rule": rule})
    previewed = await api.post(f"{path}/preview", {"rule": rule, "since": "2026-11-01"})

    for reply, name in ((put, field), (compared, f"rule.{field}"), (previewed, f"rule.{field}")):
        assert (reply.status, [one["field"] for one in reply.body["errors"]]) == (422, [name])
        assert (
            not reply.body["errors"][0]["message"].isascii()
            or ": " in (reply.body["errors"][0]["message"])
        )


async def test_a_rule_put_before_stays_in_force_and_is_asked_about_when_put_again(
    world: World,
) -> None:
    tenant = await world.active_tenant()
    old = {**RULE, "service": {"lc116": "xx", "iss_rate": "20.0001"}}
    async with world.pool.acquire() as conn:
        await conn.execute(
            "UPDATE rule_versions SET rule = rule || $2 WHERE tenant_id = $1",
            tenant,
            {"service": {"lc116": "xx", "iss_rate": "20.0001"}},
        )

    shown = await world.api.get(f"/tenants/{tenant}/rule")
    again = await world.api.put(f"/tenants/{tenant}/rule", old)

    assert (shown.status, shown.body["service"]["lc116"]) == (200, "xx")
    assert {one["field"] for one in again.body["errors"]} == {"service.lc116", "service.iss_rate"}


async def test_codes_are_kept_as_they_are_sent(api: Api) -> None:
    service = {"nbs": "1.1502.10.00", "national_code": "01.07.01", "lc116": "1.07"}

    reply = await put(api, {**RULE, "service": service})

    assert reply.status == 200
    kept = reply.body["service"]
    assert (kept["nbs"], kept["national_code"], kept["lc116"]) == ("115021000", "010701", "1.07")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({**RULE, "service": []}, "service: deve ser um objeto"),
        ({**RULE, "service": {"iss_rate": 2.0}}, "iss_rate: deve ser um texto"),
        (
            {**RULE, "service": {"municipal_code": "1" * 21}},
            "municipal_code: deve ter no máximo 20 caracteres",
        ),
        ({**RULE, "service": {"lc": "1.07"}}, "lc: não é um campo conhecido"),
        ({**RULE, "guarantee_days": "7"}, "guarantee_days: deve ser um número inteiro"),
        ({**RULE, "exceptions": {}}, "exceptions: deve ser uma lista"),
        ({**RULE, "send_email": 1}, "send_email: deve ser verdadeiro ou falso"),
        ({**RULE, "confirm": "iss_rate_low"}, "confirm: deve ser uma lista"),
        ({**RULE, "confirm": ["X Y"]}, "confirm: não tem o formato esperado"),
        ([], "corpo: deve ser um objeto"),
    ],
)
async def test_a_wrong_shape_is_told_in_portuguese(api: Api, rule: Any, message: str) -> None:
    reply = await put(api, rule)

    assert (reply.status, [one["message"] for one in reply.body["errors"]]) == (422, [message])
