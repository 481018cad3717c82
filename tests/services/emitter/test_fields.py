"""What rule, customer and bill state of a nota, from the sale to what the issuer has of it."""

from typing import Any

import pytest

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.db.sales import notas_store
from shared.domain.ids import BillId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.interface import Capabilities
from tests.services.emitter.conftest import Desk

COMPANY = {"registry_code": "11444777000161"}
PLAIN = {"municipal_code": "03115", "lc116": "17.01", "iss_rate": "5.00"}


async def issued(desk: Desk, bill: Bill) -> dict[str, Any]:
    await desk.work()
    (nota,) = desk.notas_of(bill)
    return nota.body


async def told(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        rows = await conn.fetch(
            "SELECT why FROM timeline WHERE bill_id = $1 AND what = 'nota_requested'", bill.id
        )
    return [row["why"] for row in rows]


def priced(desk: Desk, *amounts: str) -> dict[str, Any]:
    return {"lines": [{"product_id": desk.product_id, "amount": one} for one in amounts]}


async def test_the_registration_of_a_company_that_withholds_comes_from_its_metadata(
    desk: Desk,
) -> None:
    await desk.rule(service={**PLAIN, "iss_withheld": True})
    buyer = {**COMPANY, "metadata": {"inscricao_municipal": "1234567"}}

    body = await issued(desk, await desk.sold(customer=buyer, **priced(desk, "1000.00")))

    assert body["cliente"]["inscricaoMunicipal"] == "1234567"
    assert body["servico"]["issRetidoFonte"] is True


async def test_withholdings_discounts_and_metadata_reach_the_issuer_and_are_told(
    desk: Desk,
) -> None:
    await desk.rule(
        service={
            **PLAIN,
            "withholdings": {"irrf": "1.50"},
            "show_discounts": True,
            "observations": "Fatura {fatura}",
        },
    )
    bill = await desk.sold(
        customer=COMPANY, metadata={"nota_natureza": "5"}, **priced(desk, "1000.00", "-100.00")
    )

    body = await issued(desk, bill)

    assert (body["valorTotal"], body["descontos"]) == (1000.0, 100.0)
    assert body["servico"]["valorIr"] == 13.5
    assert (body["naturezaOperacao"], body["observacoes"]) == ("5", f"Fatura {bill.id}")
    (why,) = await told(desk, bill)
    assert why.endswith(
        "; valor R$ 1000,00; desconto incondicionado R$ 100,00; base R$ 900,00; IRRF 1,50%"
        " retido: R$ 13,50; líquido R$ 886,50; natureza da operação 5; com observações"
    )
    async with desk.pool.acquire() as conn:
        row = await conn.fetchrow("SELECT amount, total FROM notas WHERE bill_id = $1", bill.id)
    assert tuple(row or ()) == (90_000, 100_000)
    assert (await desk.sale(bill)).amount == 90_000


async def test_a_plain_nota_is_told_as_it_always_was(desk: Desk) -> None:
    await desk.rule(service=PLAIN)
    bill = await desk.sold(customer=COMPANY)
    await desk.work()
    (why,) = await told(desk, bill)
    assert why.startswith("regra v")
    assert why.count(";") == 1


async def test_metadata_that_cannot_be_used_holds_the_sale_until_it_is_mended(desk: Desk) -> None:
    await desk.rule(service=PLAIN)
    bill = await desk.sold(
        customer=COMPANY, metadata={"nota_irrf": "muito"}, **priced(desk, "1000.00")
    )
    await desk.work()
    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "metadata_invalid")

    bill.metadata = {"nota_irrf": "1,5"}
    await desk.heard(BillId(bill.id))

    assert (await issued(desk, bill))["servico"]["valorIr"] == 15.0


async def test_a_sale_is_held_while_the_issuer_lacks_what_its_nota_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.rule(service=PLAIN)
    fewer = Capabilities(lists=True, fields=frozenset())
    monkeypatch.setattr(EnotasIssuer, "capabilities", fewer)
    plain = await desk.sold(customer=COMPANY)
    fiscal = await desk.sold(customer=COMPANY, metadata={"nota_natureza": "1"})

    await desk.work()

    assert len(desk.notas_of(plain)) == 1
    sale = await desk.sale(fiscal)
    assert (sale.status, sale.code, sale.detail) == ("held", "issuer_lacks_field", "nature")
    assert desk.notas_of(fiscal) == []


async def test_what_was_sent_is_sent_again_as_it_was_though_the_metadata_changes(
    desk: Desk,
) -> None:
    await desk.rule(service=PLAIN)
    desk.company.faults.late_seconds = 10**6  # the request is lost on its way
    bill = await desk.sold(customer=COMPANY, metadata={"nota_natureza": "1"})
    await desk.work()
    desk.company.faults.late_seconds = None
    bill.metadata = {"nota_natureza": "2"}
    for _ in range(4):
        await desk.later()
        await desk.work()

    (nota,) = desk.notas_of(bill)
    assert nota.body["naturezaOperacao"] == "1"


async def test_a_foreigner_of_the_kind_nobody_confirmed_is_the_tenants_own_word(
    desk: Desk,
) -> None:
    abroad = {"street": "Rua Augusta", "number": "10", "city": "Lisboa", "zipcode": "1100-048",
              "country": "PT", "state": "Lisboa", "neighborhood": None}  # fmt: skip
    buyer = {"registry_code": None, "address": abroad, "metadata": {"nota_nif": "501964843"}}
    rule = {"service": {**PLAIN, "export": True}, "customer_foreign": "issue"}
    await desk.rule(**rule)

    body = await issued(desk, await desk.sold(customer=buyer))

    assert body["cliente"]["tipoPessoa"] == "F"
    assert body["cliente"]["endereco"]["cep"] == "1100-048"
    assert body["metadados"] == {"nif": "501964843", "codigoPais": "PT", "provincia": "Lisboa"}

    await desk.rule(**rule, customer_foreign_kind="E")
    refused = await desk.sold(customer=buyer)
    await desk.work()
    assert (await desk.sale(refused)).status == "denied"
    desk.company.faults.takes_foreign_kind = True
    assert (await issued(desk, await desk.sold(customer=buyer)))["cliente"]["tipoPessoa"] == "E"


async def test_every_nota_of_a_divided_bill_shows_its_own_discount(desk: Desk) -> None:
    await desk.rule(
        service={**PLAIN, "show_discounts": True},
        services_by_product_code={"CURSO": {"lc116": "8.02"}},
    )
    course = operations.create_product(desk.account, code="CURSO").id
    bill = await desk.sold(
        customer=COMPANY,
        lines=[
            {"product_id": desk.product_id, "amount": "600.00"},
            {"product_id": course, "amount": "400.00"},
            {"product_id": desk.product_id, "amount": "-60.00"},
        ],
    )
    for _ in range(3):
        await desk.work()
        await desk.later()
    bodies = {one.external_id: one.body for one in desk.notas_of(bill)}
    shown = [(one["valorTotal"], one.get("descontos")) for _, one in sorted(bodies.items())]
    assert shown == [(600.0, 60.0), (400.0, None)]
    async with desk.pool.acquire() as conn:
        known = await notas_store.load_newest(conn, desk.tenant, [BillId(bill.id)])
    assert sorted(one.amount for one in known[BillId(bill.id)]) == [40_000, 54_000]
