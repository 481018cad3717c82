"""Numbers of RPS that the company gives by itself: each once, and each nota keeps its own."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from services.emitter.dispatch import Dispatcher
from services.emitter.loop import Loop
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from shared.commands.actions import Asked, act
from shared.commands.rps_series import RpsRefused, put_next_number
from shared.commands.statements import Statement, state_nota
from shared.config.secret import Secret
from shared.db.tenants import connections_store, rps_store
from shared.db.tenants.rps_store import LARGEST, SeriesKey
from shared.domain.ids import BillId, TenantId
from shared.net.http import open_session
from shared.run.waker import Waker
from tests.services.emitter.conftest import SEALER, Desk, an_emitter
from tests.services.emitter.test_leaving import count, free_expired, until

if TYPE_CHECKING:
    from shared.domain.actions import SaleAction

WAKER = Waker("redis://127.0.0.1:1")  # remembers a ring; nobody sends it here
SERVICE = {"lc116": "17.01", "iss_rate": "5.00", "rps_series": "1", "rps_number": "sequence"}


async def start(desk: Desk, number: int, series: str = "1") -> None:
    await put_next_number(
        desk.pool, WAKER, desk.tenant, series, number, reason="fim do bloco", by="ana"
    )


async def numbering(desk: Desk, first: int = 501) -> None:
    await desk.rule(service=SERVICE)
    await start(desk, first)


def numbers(desk: Desk, *bills: Bill) -> list[int]:
    found = [nota.body["numeroRps"] for bill in bills for nota in desk.notas_of(bill)]
    assert desk.sandbox.enotas.invariants.report()["ok"]
    return sorted(found)


async def given(desk: Desk) -> list[Any]:
    async with desk.pool.acquire() as conn:
        key = SeriesKey(connection_id=1, series="1")
        return await rps_store.numbers(conn, desk.tenant, key, below=LARGEST, limit=200)


async def test_notas_are_numbered_on_from_where_a_person_said(desk: Desk) -> None:
    await numbering(desk)
    bills = [await desk.sold() for _ in range(5)]
    await desk.work()
    assert numbers(desk, *bills) == [501, 502, 503, 504, 505]
    (nota,) = desk.notas_of(bills[0])
    assert nota.body["serieRps"] == "1"
    why = await desk.pool.fetchval(
        "SELECT why FROM timeline WHERE what = 'nota_requested' AND bill_id = $1", bills[0].id
    )
    assert why.endswith(f"; RPS 1/{nota.body['numeroRps']}")


async def test_a_sale_waits_for_the_first_number_and_then_goes_on(desk: Desk) -> None:
    await desk.rule(service=SERVICE)
    bill = await desk.sold()
    await desk.work()
    sale = await desk.sale(bill)
    assert (sale.status, sale.code, sale.detail) == ("held", "rps_start_missing", "1")
    # Nothing left, and nothing is counted as sent by the brakes.
    assert desk.notas_of(bill) == []
    assert not await desk.pool.fetchval("SELECT coalesce(sum(notas), 0) FROM nota_days")

    await start(desk, 17)
    await desk.work()
    assert numbers(desk, bill) == [17]


async def test_a_nota_keeps_its_number_however_often_it_is_sent(desk: Desk) -> None:
    await numbering(desk)
    desk.company.faults.late_seconds = 10**6  # the request is lost, as with a killed process
    lost = await desk.sold()
    await desk.work()
    desk.company.faults.late_seconds = None
    desk.company.faults.default_outcome, desk.company.faults.default_denial = "deny", "service"
    denied = await desk.sold()
    await desk.work()
    desk.company.faults.default_outcome = "authorise"
    for _ in range(4):
        await desk.later()
        await desk.work()
    asked = Asked(action="retry", reason="regra corrigida", by="ana")
    await act(desk.pool, WAKER, desk.tenant, [BillId(denied.id)], asked)
    for _ in range(3):
        await desk.work()
        await desk.later()

    assert [one.body["numeroRps"] for one in desk.notas_of(lost)] == [501]
    assert [one.body["numeroRps"] for one in desk.notas_of(denied)] == [502]
    assert [one.sends for one in desk.notas_of(denied)] == [2]
    assert numbers(desk, lost, denied) == [501, 502]


async def test_a_number_the_city_has_already_is_left_behind_once_a_person_looked(
    desk: Desk,
) -> None:
    await numbering(desk)
    desk.company.rps_used.add(("Producao", "1", 501))  # by the system before us
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    assert (await desk.sale(bill)).code == "denied_numbering"
    seen = Statement(exists=False, number=None, reason="vi no portal", by="ana")
    assert await state_nota(desk.pool, WAKER, desk.tenant, BillId(bill.id), seen) is None
    for _ in range(2):
        await desk.work()
        await desk.later()

    assert (await desk.sale(bill)).status == "issued"
    assert numbers(desk, bill) == [502]
    told = [(one.number, one.bill_id, one.refused, one.status) for one in await given(desk)]
    assert told == [(502, bill.id, False, "issued"), (501, bill.id, True, None)]


async def test_a_nota_after_a_cancelled_one_has_a_number_of_its_own(desk: Desk) -> None:
    await numbering(desk)
    bill = await desk.sold()
    wishes: tuple[SaleAction, ...] = ("cancel", "issue")
    for action in wishes:
        for _ in range(3):
            await desk.work()
            await desk.later()
        asked = Asked(action=action, reason="engano", by="ana")
        await act(desk.pool, WAKER, desk.tenant, [BillId(bill.id)], asked)
    for _ in range(4):
        await desk.work()
        await desk.later()
    assert numbers(desk, bill) == [501, 502]
    assert [one.status for one in await given(desk)] == ["issued", "cancelled"]


async def test_each_nota_of_a_divided_bill_has_its_own_number(desk: Desk) -> None:
    await desk.rule(service=SERVICE, services_by_product_code={"CURSO": {"lc116": "8.02"}})
    await start(desk, 7)
    course = operations.create_product(desk.account, code="CURSO").id
    lines = [{"product_id": one, "amount": "10.00"} for one in (desk.product_id, course)]
    bill = await desk.sold(lines=lines)
    for _ in range(4):
        await desk.work()
        await desk.later()
    assert numbers(desk, bill) == [7, 8]


async def test_two_emitters_never_hand_out_the_same_number(desk: Desk) -> None:
    await numbering(desk, first=1)
    bills = [await desk.sold() for _ in range(60)]
    async with open_session() as session:
        other = an_emitter(desk.pool, desk.sandbox, session)
        workers = [
            Dispatcher(tools=tools, worker=f"w{n}") for n, tools in enumerate((desk.tools, other))
        ]

        async def works(dispatcher: Dispatcher) -> None:
            for _ in range(6):
                await dispatcher.dispatch_once(lambda: None)
                await dispatcher.drain()

        await asyncio.gather(*map(works, workers))
        await desk.work()
    assert numbers(desk, *bills) == list(range(1, 61))


async def test_what_is_taken_back_unsent_leaves_no_gap(desk: Desk) -> None:
    await numbering(desk, first=1)
    bills = [await desk.sold() for _ in range(40)]
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, per_second=5)
        loop = Loop(Dispatcher(tools=slow, worker="slow"))
        running = asyncio.create_task(loop.run())
        await until(lambda: count(desk, "status = 'sending' HAVING count(*) > 5"))
        loop.stop()
        async with asyncio.timeout(8):
            await running
    await desk.work()
    assert numbers(desk, *bills) == list(range(1, 41))


async def test_a_killed_emitter_s_notas_are_sent_with_the_numbers_they_have(desk: Desk) -> None:
    await numbering(desk, first=1)
    bills = [await desk.sold() for _ in range(12)]
    async with open_session() as session:
        slow = an_emitter(desk.pool, desk.sandbox, session, per_second=2)
        running = asyncio.create_task(Loop(Dispatcher(tools=slow, worker="slow")).run())
        await until(lambda: count(desk, "status = 'sending'"))
        running.cancel()  # with its requests: nothing it knew is written any more
        await asyncio.gather(running, return_exceptions=True)
    before = await desk.pool.fetch("SELECT bill_id, rps_number FROM notas ORDER BY bill_id")
    assert before
    await desk.pool.execute("UPDATE outbox SET lease_until = now() - interval '1 second'")
    assert await free_expired(desk)
    for _ in range(6):
        await desk.work()
        await desk.later()

    assert numbers(desk, *bills) == list(range(1, 13))
    after = await desk.pool.fetch("SELECT bill_id, rps_number FROM notas")
    assert {tuple(row) for row in before} <= {tuple(row) for row in after}


async def test_what_is_not_committed_was_not_handed_out(desk: Desk) -> None:
    await numbering(desk, first=1)
    bills = [await desk.sold() for _ in range(4)]
    await desk.pool.execute(
        f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.bill_id = {bills[1].id} THEN
                RAISE EXCEPTION 'out of range' USING ERRCODE = '22003';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON notas FOR EACH ROW EXECUTE FUNCTION refuse();
        """
    )
    await desk.work()
    assert (await desk.sale(bills[1])).code == "decision_failed"
    assert numbers(desk, *bills) == [1, 2, 3]


async def test_a_series_goes_on_from_a_person_s_number_and_never_back(desk: Desk) -> None:
    await numbering(desk)
    await start(desk, 480)  # a slip of the pen, mended before anything left
    bill = await desk.sold()
    await desk.work()
    assert numbers(desk, bill) == [480]
    for refused in (480, 1):
        with pytest.raises(RpsRefused, match="rps_number_given") as error:
            await start(desk, refused)
        assert error.value.last == 480
    await start(desk, 600)
    later = await desk.sold()
    await desk.work()
    assert numbers(desk, later) == [600]


async def test_a_series_is_used_up_at_its_largest_number(desk: Desk) -> None:
    await numbering(desk, first=LARGEST)
    bills = [await desk.sold() for _ in range(2)]
    await desk.work()
    assert numbers(desk, *bills) == [LARGEST]
    held = [sale for bill in bills if (sale := await desk.sale(bill)).status == "held"]
    assert [sale.code for sale in held] == ["rps_start_missing"]


async def test_another_environment_is_numbered_by_itself(desk: Desk) -> None:
    await numbering(desk)
    async with desk.pool.acquire() as conn, conn.transaction():
        await connections_store.put_issuer(
            conn,
            SEALER,
            desk.tenant,
            kind="enotas",
            environment="Homologacao",
            api_key=Secret.of(desk.company.key),
            company_id=desk.company.id,
            company_name="Empresa",
            company_cnpj=None,
        )
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).code == "rps_start_missing"
    await start(desk, 1)
    await desk.work()
    assert numbers(desk, bill) == [1]


async def test_one_company_at_two_tenants_has_no_series_numbered_twice(desk: Desk) -> None:
    await numbering(desk)
    other = TenantId("tzyxwvutsrq")
    async with desk.pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "INSERT INTO tenants (tenant_id, name, plan, timezone)"
            " VALUES ($1, 'Outra', 'basic', 'America/Sao_Paulo')",
            other,
        )
        with pytest.raises(RpsRefused, match="issuer_not_connected"):
            await put_next_number(
                desk.pool, WAKER, TenantId("tnenhuma000"), "1", 1, reason="x", by="ana"
            )
        await connections_store.put_issuer(
            conn,
            SEALER,
            other,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of(desk.company.key),
            company_id=desk.company.id.upper(),
            company_name="Empresa",
            company_cnpj=None,
        )
    with pytest.raises(RpsRefused, match="rps_series_elsewhere"):
        await put_next_number(desk.pool, WAKER, other, "1", 9, reason="x", by="ana")
    made = await put_next_number(desk.pool, WAKER, other, "2", 9, reason="x", by="ana")
    assert (made.series, made.next_number) == ("2", 9)


CNPJ = "11444777000161"


async def registered_anew(desk: Desk, tenant: TenantId, cnpj: str | None) -> None:
    """A company is connected that has another id at the issuer."""
    there = desk.sandbox.enotas.create_company(key=desk.company.key)
    async with desk.pool.acquire() as conn, conn.transaction():
        await connections_store.put_issuer(
            conn,
            SEALER,
            tenant,
            kind="enotas",
            environment="Producao",
            api_key=Secret.of(desk.company.key),
            company_id=there.id,
            company_name="Empresa",
            company_cnpj=cnpj,
        )


@pytest.mark.parametrize(
    ("cnpj", "refused"), [("11.444.777/0001-61", True), ("22555888000162", False), (None, False)]
)
async def test_a_company_registered_anew_does_not_give_numbers_that_it_gave(
    desk: Desk, cnpj: str | None, refused: bool
) -> None:
    await desk.pool.execute("UPDATE nota_connections SET company_cnpj = $1", CNPJ)
    await numbering(desk)
    await desk.sold()
    await desk.work()
    await registered_anew(desk, desk.tenant, cnpj)
    bill = await desk.sold()
    await desk.work()
    assert (await desk.sale(bill)).code == "rps_start_missing"

    if refused:
        with pytest.raises(RpsRefused, match="rps_number_given"):
            await start(desk, 501)
    await start(desk, 502 if refused else 501)


async def test_another_tenant_of_the_same_cnpj_does_not_number_its_series(desk: Desk) -> None:
    await desk.pool.execute("UPDATE nota_connections SET company_cnpj = $1", CNPJ)
    await numbering(desk)
    other = TenantId("tzyxwvutsrq")
    await desk.pool.execute(
        "INSERT INTO tenants (tenant_id, name, plan, timezone)"
        " VALUES ($1, 'Outra', 'basic', 'America/Sao_Paulo')",
        other,
    )
    await registered_anew(desk, other, "11.444.777/0001-61")

    with pytest.raises(RpsRefused, match="rps_series_elsewhere"):
        await put_next_number(desk.pool, WAKER, other, "1", 9, reason="x", by="ana")
