"""A person has one sale issued without CPF or CNPJ: that one, and no other."""

from typing import Any

import pytest

from shared.commands.actions import Asked, act
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk
from tests.services.emitter.stopping.test_duplicates import A_WAKER

BARE = Asked(action="issue", reason="não informa", by="ana", without_document=True)


@pytest.mark.parametrize("document", [None, "111"])
async def test_the_nota_of_that_sale_alone_names_no_document(
    desk: Desk, document: str | None
) -> None:
    customer: dict[str, Any] = {"registry_code": document}
    one, other = [await desk.sold(customer=customer) for _ in range(2)]
    await desk.work()
    before = await desk.sale(one)

    outcome = await act(desk.pool, A_WAKER, desk.tenant, [BillId(one.id)], BARE)
    await desk.work()

    assert before.status == "held"
    assert outcome.accepted == 1
    [nota] = desk.notas_of(one)
    assert not nota.body["cliente"].get("cpfCnpj")
    assert (await desk.sale(other)).status == "held"
    assert desk.notas_of(other) == []


async def test_what_else_is_missing_still_holds_it(desk: Desk) -> None:
    bill = await desk.sold(customer={"registry_code": None, "address": {}})
    await desk.work()
    before = await desk.sale(bill)

    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], BARE)
    await desk.work()

    assert before.code == "customer_document_missing"
    assert (await desk.sale(bill)).code == "customer_address_incomplete"
