"""A rule that cannot be meant is refused when it is put: every problem, each with its field."""

import asyncio
from typing import Any

import pytest

from shared.db.tenants import rules_store
from shared.domain.rule import Rule
from tests.services.api.support import RULE, Api, Reply, World

GUARANTEE = {"issue_when": "guarantee_ended", "guarantee_days": 7}


def exception(when: str = "never", days: int | None = None, **conditions: Any) -> dict[str, Any]:
    return {"if": conditions, "issue_when": when, "guarantee_days": days}


def excepted(*exceptions: dict[str, Any]) -> dict[str, Any]:
    return {"exceptions": list(exceptions)}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"issue_when": "guarantee_ended"}, ["guarantee_days"]),
        (excepted(exception("guarantee_ended", cycle="first")), ["exceptions.0.guarantee_days"]),
        (excepted(exception("bill_paid", 7, cycle="first")), ["exceptions.0.guarantee_days"]),
        (excepted(exception(), exception("manual", cycle="first")), ["exceptions.1.if"]),
        (
            excepted(
                exception(product_code=["A", "B"]),
                exception("manual", product_code=["A"], cycle="first"),
            ),
            ["exceptions.1.if"],
        ),
        (
            excepted(exception(cycle="first"), exception("manual", cycle="first")),
            ["exceptions.1.if"],
        ),
        (excepted(exception(plan_code=[""])), ["exceptions.0.if.plan_code"]),
        ({"customer_address_incomplete": "default_address"}, ["default_address"]),
        ({"cancel_on_refund": False, "refunds": {"full": "cancel"}}, ["refunds.full"]),
        (
            {"cancel_on_refund": False, "refunds": {"bill_canceled": "cancel"}},
            ["refunds.bill_canceled"],
        ),
        ({"refunds": {"city_window": {}}}, ["refunds.city_window"]),
        (
            {"refunds": {"city_window": {"days_after_issue": 3, "until_day": 5}}},
            ["refunds.city_window"],
        ),
    ],
)
async def test_what_cannot_be_meant_is_refused_with_its_field(
    api: Api, changes: dict[str, Any], fields: list[str]
) -> None:
    reply = await api.put(f"/tenants/{await api.tenant()}/rule", {**RULE, **changes})

    assert reply.status == 422
    assert [error["field"] for error in reply.body["errors"]] == fields


# The kinds of words a finance person combines, all at once.
FULL_RULE: dict[str, Any] = {
    **GUARANTEE,
    "exceptions": [
        {
            "if": {
                "product_code": ["LIVRO"],
                "plan_code": [],
                "payment_method_code": [],
                "cycle": "any",
                "customer_code": [],
            },
            "issue_when": "bill_paid",
        },
        {
            "if": {"product_code": ["AULA"], "cycle": "first"},
            "issue_when": "guarantee_ended",
            "guarantee_days": 30,
        },
        {"if": {"customer_code": ["SOCIO-1"]}, "issue_when": "never"},
    ],
    "cancel_on_refund": True,
    "default_address": None,
    "competencia": None,
    "late_competencia": {"keep_until_day": 5, "then": "hold"},
    "description": "{produtos} - fatura {fatura}, competência {competencia}",
}


@pytest.mark.parametrize(
    "changes",
    [
        FULL_RULE,
        excepted(exception(product_code=["A"]), exception("manual", product_code=["A", "B"])),
        excepted(exception(product_code=["A"]), exception("manual", plan_code=["A"])),
        excepted(exception(cycle="first"), exception("manual")),
        {**GUARANTEE, **excepted(exception("guarantee_ended", cycle="first"))},
        {"cancel_on_refund": False, "refunds": {"full": "nothing", "partial": "cancel"}},
        {"refunds": {"city_window": {"until_day": 0, "afterwards": "try"}}},
    ],
)
async def test_what_may_be_meant_is_taken(api: Api, changes: dict[str, Any]) -> None:
    reply = await api.put(f"/tenants/{await api.tenant()}/rule", {**RULE, **changes})

    assert reply.status == 200, reply.body


async def test_every_problem_comes_in_one_answer_whatever_its_kind(api: Api) -> None:
    tenant = await api.tenant()
    rule = {
        "issue_when": "guarantee_ended",
        "description": "{nada}",
        "send_email": "yes",
        "late_competencia": {"keep_until_day": 40},
        "exceptions": [exception(), exception("guarantee_ended", cycle="first")],
        "customer_address_incomplete": "default_address",
        "unheard_of": 1,
    }

    put = await api.put(f"/tenants/{tenant}/rule", rule)
    compared = await api.post(f"/tenants/{tenant}/rule/difference", {"rule": rule})

    fields = {error["field"] for error in put.body["errors"]}
    assert fields == {
        "description",
        "send_email",
        "late_competencia.keep_until_day",
        "unheard_of",
        "guarantee_days",
        "exceptions.1.guarantee_days",
        "exceptions.1.if",
        "default_address",
    }
    assert {error["field"] for error in compared.body["errors"]} == {f"rule.{f}" for f in fields}


async def test_a_body_of_brackets_is_no_rule_and_no_error_of_ours(api: Api) -> None:
    path = f"/tenants/{await api.tenant()}/rule"
    kind = {"Content-Type": "application/json"}

    deep = await api.call("PUT", path, data=b'{"exceptions":' + b"[" * 100_000, headers=kind)
    odd = await api.call(
        "PUT", path, data=b'{"exceptions":[7,{"if":[]}],"refunds":3}', headers=kind
    )

    assert (deep.status, deep.code) == (400, "malformed_json")
    assert odd.status == 422


async def test_a_rule_that_was_taken_once_stays_in_force_when_more_is_refused(
    world: World,
) -> None:
    tenant = await world.active_tenant()
    body = Rule.model_validate(RULE).model_dump(mode="json", by_alias=True)
    body["exceptions"] = [exception(), exception("manual", cycle="first")]
    async with world.pool.acquire() as conn:
        await conn.execute("UPDATE rule_versions SET rule = $2 WHERE tenant_id = $1", tenant, body)
        in_force = await rules_store.in_force(conn, tenant)

    shown = await world.api.get(f"/tenants/{tenant}/rule")

    assert in_force is not None
    assert len(in_force[1].exceptions) == 2
    assert shown.status == 200


@pytest.mark.parametrize("wrong", [[[]], {}, [], 1, {"a": []}])
async def test_a_field_may_hold_anything_and_is_named(world: World, wrong: Any) -> None:
    tenant = await world.api.tenant()
    rule = RULE | {"service": {"iss_withholding": wrong, "municipal_code": wrong}}

    reply = await world.api.put(f"/tenants/{tenant}/rule", rule)

    assert (reply.status, reply.code) == (422, "invalid_request")
    assert "service.iss_withholding" in {one["field"] for one in reply.body["errors"]}


@pytest.mark.parametrize("path", ["rule", "rule/difference", "rule/preview"])
async def test_others_are_answered_while_a_rule_of_thousands_is_looked_at(
    world: World, path: str
) -> None:
    tenant = await world.api.tenant()
    rule = RULE | excepted(*(exception(product_name=["Curso *"]) for _ in range(2_500)))
    body = rule if path == "rule" else {"rule": rule, "since": "2026-10-01"}
    body = {key: body[key] for key in body if path != "rule/difference" or key == "rule"}
    call = world.api.put if path == "rule" else world.api.post

    async def asked() -> list[Reply]:  # a quarter of a second each
        return [await call(f"/tenants/{tenant}/{path}", body) for _ in range(4)]

    asking = asyncio.create_task(asked())

    others = 0
    while not asking.done():
        assert (await world.api.get(f"/tenants/{tenant}")).status == 200
        others += 1

    for reply in await asking:
        assert (reply.status, reply.code) == (422, "invalid_request")
        assert len(reply.body["errors"]) == 50
    assert others > 10  # seven at most where each of them stops everybody
