"""A nota somebody else issued for the same sale, found in a mirror of the issuer's list."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from services.reconciler.mirror import foreign, mirror_once
from services.reconciler.services import Services
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.set_up import SetUp
from shared.db.closing import foreign_notas_store
from shared.db.sales import timeline_store
from shared.db.tenants import connections_store
from shared.domain.ids import BillId
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, Desk

A_WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here


def services_of(desk: Desk) -> Services:
    set_up = SetUp(pool=desk.pool, sealer=SEALER, waker=A_WAKER, public_url="http://127.0.0.1:1")
    return Services(
        pool=desk.pool,
        sealer=SEALER,
        waker=A_WAKER,
        clients=desk.tools.clients,
        set_up=set_up,
        now=lambda: datetime.now(UTC),
    )


@dataclass(frozen=True, kw_only=True)
class Other:
    """A nota of another system, as that system asked for it."""

    document: str = "12345678909"
    amount: float = 179.9
    environment: str = "Producao"
    external_id: str = "outro-sistema-7"

    def body(self) -> dict[str, Any]:
        return {
            "servico": {"descricao": "Nota de outro sistema"},
            "valorTotal": self.amount,
            "ambienteEmissao": self.environment,
            "cliente": {"nome": "Cliente Fictício", "cpfCnpj": self.document},
            "dataCompetencia": datetime.now(UTC).isoformat(),
        }


async def issued_elsewhere(desk: Desk, other: Other) -> None:
    desk.sandbox.enotas.issue(desk.company, other.external_id, other.body())
    desk.sandbox.clock.advance(600)
    assert await mirror_once(services_of(desk)) == 1


async def sold(desk: Desk) -> Bill:
    bill = await desk.sold()
    await desk.work()
    return bill


async def listed_without_our_ids(desk: Desk) -> None:
    """The issuer's list names the notas, and not who asked for them."""
    today = datetime.now(UTC).date()
    async with desk.pool.acquire() as conn:
        connection = await connections_store.get_issuer(conn, SEALER, desk.tenant)
        assert connection is not None
        issuer = desk.tools.clients.issuer(connection)
        listed = [one async for one in issuer.list_created(today - timedelta(days=1), today)]
        nameless = [foreign(SEALER, desk.tenant, replace(one, external_id=None)) for one in listed]
        await foreign_notas_store.store(conn, desk.tenant, [one for one in nameless if one])


async def test_our_own_nota_of_another_sale_is_nobody_elses(desk: Desk) -> None:
    """A customer who bought twice for the same price, and a list that leaves our ids out."""
    first = await sold(desk)
    desk.sandbox.clock.advance(600)
    await desk.work()
    await listed_without_our_ids(desk)

    second = await sold(desk)

    assert [len(desk.notas_of(bill)) for bill in (first, second)] == [1, 1]


async def told_of(desk: Desk, bill: Bill) -> list[str]:
    async with desk.pool.acquire() as conn:
        lines = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
    return [line.what for line in lines if line.what == "held"]


async def in_doubt_and_listed_without_our_ids(desk: Desk) -> Bill:
    """The answer to the first was lost, and the list was read before it was looked up."""
    desk.company.weather.add(kind="hang_up", when="after", method="POST", count=1)
    desk.company.weather.add(kind="hang_up", when="before", method="GET", count=9)
    first = await sold(desk)
    assert (await desk.sale(first)).status == "uncertain"
    desk.company.weather.clear()
    desk.sandbox.clock.advance(600)
    await listed_without_our_ids(desk)
    return first


async def test_our_own_nota_in_doubt_holds_another_sale_for_no_longer_than_the_doubt(
    desk: Desk,
) -> None:
    first = await in_doubt_and_listed_without_our_ids(desk)

    second = await sold(desk)
    meanwhile = await desk.sale(second)
    for _ in range(4):
        await desk.later(timedelta(minutes=6))
        await desk.work()

    assert (meanwhile.status, meanwhile.code) == ("held", "possible_duplicate")
    assert [len(desk.notas_of(bill)) for bill in (first, second)] == [1, 1]
    assert await told_of(desk, second) == ["held"]


async def test_a_strangers_nota_made_after_ours_was_sent_holds_the_sale_for_a_person(
    desk: Desk,
) -> None:
    """Same customer, amount and day, and ours in doubt: nothing in it tells that it is not ours."""
    desk.company.weather.add(kind="hang_up", when="before", method="POST", count=1)
    first = await sold(desk)
    await issued_elsewhere(desk, Other())

    second = await sold(desk)
    for _ in range(6):
        await desk.later(timedelta(hours=20))
        await desk.work()

    assert (await desk.sale(first)).status in ("issuing", "issued")  # it never arrived: sent again
    sale = await desk.sale(second)
    assert (sale.status, sale.code) == ("held", "possible_duplicate")
    assert desk.notas_of(second) == []
    waits = await desk.pool.fetchval("SELECT state FROM outbox WHERE bill_id = $1", second.id)
    assert waits != "due"  # for nothing but a person


async def test_a_sale_somebody_else_issued_is_held_with_both_shown(desk: Desk) -> None:
    await issued_elsewhere(desk, Other())

    bill = await sold(desk)

    sale = await desk.sale(bill)
    assert (sale.status, sale.code) == ("held", "possible_duplicate")
    assert "nota " in sale.detail
    assert str(bill.id) in sale.detail
    assert desk.notas_of(bill) == []


@pytest.mark.parametrize(
    "other",
    [
        Other(document="52998224725"),
        Other(amount=180.0),
        Other(environment="Homologacao"),
        Other(external_id="p-tabcdefghij-99-1"),
    ],
    ids=["another customer", "another amount", "a test", "our own"],
)
async def test_a_nota_that_is_not_the_same_holds_nothing(desk: Desk, other: Other) -> None:
    await issued_elsewhere(desk, other)

    assert (await desk.sale(await sold(desk))).status == "issuing"


async def test_a_person_who_compared_both_may_issue(desk: Desk) -> None:
    await issued_elsewhere(desk, Other())
    bill = await sold(desk)

    asked = Asked(action="issue", reason="são vendas diferentes", by="ana")
    await act(desk.pool, A_WAKER, desk.tenant, [BillId(bill.id)], asked)
    await desk.work()

    assert (await desk.sale(bill)).status == "issuing"
    assert len(desk.notas_of(bill)) == 1


async def test_the_list_is_read_once_an_hour_and_not_once_a_nota(desk: Desk) -> None:
    await issued_elsewhere(desk, Other(amount=1.0))
    before = _lists(desk)

    for _ in range(5):
        await sold(desk)
    assert await mirror_once(services_of(desk)) == 0

    assert _lists(desk) == before


def _lists(desk: Desk) -> int:
    return sum("pageNumber" in str(call) for call in desk.sandbox.enotas.journal)


@pytest.mark.parametrize("theirs", [179.9, 149.9], ids=["the price", "what was paid"])
async def test_a_nota_with_its_discount_shown_is_known_by_both_its_sums(
    desk: Desk, theirs: float
) -> None:
    await desk.rule(service={"lc116": "1.07", "show_discounts": True})
    await issued_elsewhere(desk, Other(amount=theirs))
    lines = [{"product_id": desk.product_id, "amount": one} for one in ("179.90", "-30.00")]

    bill = await desk.sold(lines=lines)
    await desk.work()

    assert (await desk.sale(bill)).code == "possible_duplicate"
