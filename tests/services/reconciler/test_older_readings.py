"""Who read Vindi first and stores it last undoes nothing that was read between."""

from collections.abc import AsyncIterator

import pytest_asyncio

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from tests.services.emitter.interrupted import a_process as an_emitter
from tests.services.emitter.interrupted import goes_on
from tests.services.reconciler.conftest import Watch
from tests.services.reconciler.test_every_statement import a_process
from tests.support.standing_still import StandingStill
from tests.support.statement_proxy import StatementProxy, statement_proxy

AGAIN = "UPDATE reconciler_passes SET next_pass_at = now(), lease_until = NULL"
A_WHILE_AGO = "UPDATE outbox SET heard_at = heard_at - interval '10 seconds'"
HELD = ("held", "partially_refunded")


@pytest_asyncio.fixture
async def proxy(database: str) -> AsyncIterator[StatementProxy]:
    async with statement_proxy(database) as one:
        yield one


def give_back_a_part(watch: Watch, bill: Bill) -> None:
    operations.refund(watch.desk.account, bill_id=bill.id, amount="10.00", events=False)


async def stands(watch: Watch, bill: Bill) -> tuple[str, str | None]:
    sale = await watch.desk.sale(bill)
    return sale.status.value, sale.code


async def test_an_emitter_does_not_undo_a_part_refund_that_a_pass_read_meanwhile(
    watch: Watch, proxy: StatementProxy
) -> None:
    """A part refund moves no stamp of the bill, and a pass deals with it once."""
    bill = await watch.desk.sold()
    await watch.desk.pool.execute(A_WHILE_AGO)

    async def refunded() -> None:
        give_back_a_part(watch, bill)
        await watch.pass_once()

    standing = StandingStill(stations=[("standing_read.hold", refunded)])
    async with an_emitter(watch.desk, proxy) as process:
        proxy.count_anew(standing.look)
        await process.work()
    await goes_on(watch.desk)

    assert standing.done
    assert await stands(watch, bill) == HELD
    assert not watch.desk.notas_of(bill)


async def test_a_pass_that_was_stopped_does_not_undo_a_part_refund_that_another_read(
    watch: Watch, proxy: StatementProxy
) -> None:
    bill = watch.desk.sell()

    async def refunded() -> None:
        give_back_a_part(watch, bill)
        await watch.desk.pool.execute(AGAIN)  # its lease is over
        await watch.pass_once()
        await watch.desk.work()
        assert await stands(watch, bill) == HELD

    standing = StandingStill(
        stations=[
            ("outbox_store.mark_due", refunded),  # the bill was read, and is to be stored
            ("refunds_pending_store.due", watch.desk.work),  # it was: now refunds are looked for
        ]
    )
    async with a_process(watch.scheduler.services, proxy) as process:
        await watch.desk.pool.execute(AGAIN)
        proxy.count_anew(standing.look)
        await process.one_pass()
    await goes_on(watch.desk)

    assert standing.done
    assert await stands(watch, bill) == HELD
    assert not watch.desk.notas_of(bill)
