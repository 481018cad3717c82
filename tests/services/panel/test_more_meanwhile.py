"""A cause of Pendências that grew since the page was made: nobody sends more than they saw."""

from shared.domain.sale import SaleStatus
from tests.services.panel.support import Panel

CODE = "customer_address_incomplete"


async def jobs(panel: Panel) -> list[int]:
    rows = await panel.pool.fetch(
        "SELECT cardinality(bills) AS sales FROM bulk_jobs ORDER BY asked_at"
    )
    return [row["sales"] for row in rows]


async def test_a_cause_that_grew_is_shown_again_before_all_of_it_is_sent(panel: Panel) -> None:
    tenant = await panel.tenant()
    path = f"/e/{tenant}/pendencias"
    await panel.sale(tenant, 4711, SaleStatus.HELD, CODE)
    async with panel.person(tenant, "finance") as caio:
        page = await caio.get(path)
        for bill in (4712, 4713):
            await panel.sale(tenant, bill, SaleStatus.HELD, CODE)
        told = await caio.send(page, path, motivo="endereço completo")
        before = await jobs(panel)
        again = await caio.send(told, path)
        after = await jobs(panel)

    assert told.status == 409
    assert "tinha 1 vendas" not in told.text
    assert "1 na página que você viu, e 3 agora" in told.text
    assert 'value="endereço completo"' in told.html
    assert before == []
    assert "Pedido feito" in again.text
    assert after == [3]


async def test_a_cause_that_healed_in_part_is_sent_as_far_as_it_is_there(panel: Panel) -> None:
    tenant = await panel.tenant()
    path = f"/e/{tenant}/pendencias"
    for bill in (4711, 4712):
        await panel.sale(tenant, bill, SaleStatus.HELD, CODE)
    async with panel.person(tenant, "finance") as caio:
        page = await caio.get(path)
        await panel.pool.execute(
            "UPDATE sales SET status = 'issued', code = NULL WHERE bill_id = 4711"
        )
        done = await caio.send(page, path, motivo="endereço completo")

    assert "Pedido feito" in done.text
    assert await jobs(panel) == [1]
