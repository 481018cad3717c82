"""A sale that would surely be refused is held before it is sent, and goes on once it is mended."""

from datetime import date
from typing import Any

import pytest

from services.sandbox.vindi import operations
from shared.commands.set_up import SetUp
from shared.domain.rule import Rule
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, TENANT, Desk, a_buyer

CNPJ = "11222333000181"
RIO = "20040002"
REFORM = {"class_code": "000001", "operation_code": "100501"}
A_WAKER = Waker("redis://127.0.0.1:1")
WITHHELD = {"service": {"lc116": "1.07", "iss_rate": "2.00", "iss_withheld": True}}


async def seller_is(desk: Desk, cnpj: str) -> None:
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE issuer_connections SET company_cnpj = $2 WHERE tenant_id = $1", TENANT, cnpj
        )


def living_at(**address: Any) -> dict[str, Any]:
    return {"address": {**a_buyer()["address"], **address}}


@pytest.mark.parametrize(
    ("customer", "rule", "code", "field"),
    [
        ({"registry_code": CNPJ}, {}, "denied_document", "CNPJ do cliente"),
        ({"registry_code": "11.222.333/0001-81"}, {}, "denied_document", "CNPJ do cliente"),
        (
            {"registry_code": None},
            {**WITHHELD, "customer_document_missing": "issue_without"},
            "denied_document",
            "CNPJ do cliente",
        ),
        ({}, WITHHELD, "denied_service", "retenção do ISS"),
        (living_at(zipcode=RIO), {}, "denied_address", "CEP do cliente"),
        (living_at(zipcode="00000-000"), {}, "denied_address", "CEP do cliente"),
        (
            {"registry_code": "11444777000161", **living_at(street=None)},
            {"customer_address_incomplete": "issue_without"},
            "customer_address_incomplete",
            "street",
        ),
    ],
)
async def test_it_is_held_with_the_refusals_word_and_nothing_is_sent(
    desk: Desk, customer: dict[str, Any], rule: dict[str, Any], code: str, field: str
) -> None:
    await seller_is(desk, "11.222.333/0001-81")
    await desk.rule(**rule)
    bill = await desk.sold(customer=customer)

    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", code)
    assert sale.detail.startswith(field)
    assert desk.company.notas == {}


@pytest.mark.parametrize(
    ("customer", "rule"),
    [
        ({"registry_code": "11444777000161"}, {}),
        ({"registry_code": "11444777000161"}, WITHHELD),
        ({"registry_code": None}, {"customer_document_missing": "issue_without"}),
        (living_at(zipcode=RIO), {"customer_address_incomplete": "issue_without"}),
        (living_at(city="Rio de Janeiro", state="RJ", zipcode=RIO), {}),
    ],
)
async def test_what_no_city_would_refuse_for_this_is_sent(
    desk: Desk, customer: dict[str, Any], rule: dict[str, Any]
) -> None:
    await seller_is(desk, CNPJ)
    await desk.rule(**rule)
    bill = await desk.sold(customer=customer)

    await desk.work()

    assert (await desk.sale(bill)).status == "issuing"
    assert len(desk.notas_of(bill)) == 1


async def test_the_second_of_two_services_is_held_where_the_first_could_be_sent(
    desk: Desk,
) -> None:
    other = operations.create_product(desk.account, code="OUTRO").id
    own = {"OUTRO": {"lc116": "1.09", "iss_withheld": True}}
    await desk.rule(service={"lc116": "1.07"}, services_by_product_code=own)
    lines = [
        {"product_id": desk.product_id, "amount": "100.00"},
        {"product_id": other, "amount": "50.00"},
    ]
    bill = await desk.sold(lines=lines)

    for _ in range(3):
        await desk.work()
        await desk.later()

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "denied_service")
    assert len(desk.notas_of(bill)) == 1


async def test_a_sale_held_for_the_rule_goes_on_once_the_rule_is_another(desk: Desk) -> None:
    await desk.rule(**WITHHELD)
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).code == "denied_service"
    mended = Rule.model_validate({"issue_when": "bill_paid", "service": {"lc116": "1.07"}})

    set_up = SetUp(pool=desk.pool, sealer=SEALER, waker=A_WAKER, public_url="http://127.0.0.1:1")
    await set_up.put_rule(TENANT, mended, by="test", today=date(2026, 11, 29))
    await desk.work()

    assert (await desk.sale(bill)).status == "issuing"
    assert len(desk.notas_of(bill)) == 1


@pytest.mark.parametrize(
    ("own", "notas"),
    [
        ({"nbs": "115021000", "ibs_cbs": {**REFORM, "operation_code": "100301"}}, 2),
        ({"nbs": "115021000", "ibs_cbs": REFORM}, 2),
        ({"nbs": "1.1103.22.00", "ibs_cbs": {**REFORM, "operation_code": "100301"}}, 2),
        ({"nbs": "1.1103.22.00", "ibs_cbs": REFORM}, 1),
    ],
)
async def test_services_that_differ_in_one_code_alone_have_a_nota_each(
    desk: Desk, own: dict[str, Any], notas: int
) -> None:
    project = operations.create_product(desk.account, code="PROJETO").id
    service = {"municipal_code": "010700188", "lc116": "1.07", "iss_rate": "2.00"}
    await desk.rule(
        services_by_product_code={
            "PLANO": {**service, "nbs": "111032200", "ibs_cbs": REFORM},
            "PROJETO": {**service, **own},
        }
    )
    lines = [
        {"product_id": desk.product_id, "amount": "100.00"},
        {"product_id": project, "amount": "33.33"},
    ]
    bill = await desk.sold(lines=lines)

    for _ in range(3):
        await desk.work()
        await desk.later()

    sent = [(one.body["servico"]["codigoNBS"], one.body["valorTotal"])
            for one in desk.notas_of(bill)]  # fmt: skip
    first = "111032200"
    second = str(own["nbs"]).replace(".", "")
    assert sent == ([(first, 100.0), (second, 33.33)] if notas == 2 else [(first, 133.33)])
