"""One absurd value in one field of one row that a pass reads: it hides no other sale.

`NOTAPONTE_ABSURD=all` tries every value in every field, `NOTAPONTE_ABSURD=500` so many of them.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.reconciler.accounts import read_list
from services.reconciler.accounts.schedule import Scheduler
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill, Row
from services.sandbox.vindi.render import render
from shared.db.connection import Pool
from tests.services.emitter.test_absurd_fields import (
    ASKED,
    LACKS,
    Case,
    a_whole_sale,
    an_absurd_desk,
    some_of,
)
from tests.services.reconciler.conftest import CONNECTED_FOR, Watch, services_of
from tests.support.absurd import PLAIN, RAW, paths_in

HEALTHY = 5
TOGETHER = 30
KINDS = ("bills", "charges", "transactions", "customers")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_list, "PAUSES", (0.001, 0.001, 0.001))


def row_of(watch: Watch, kind: str, bill: Bill) -> Row:
    account = watch.desk.account
    match kind:
        case "bills":
            return bill
        case "customers":
            return account.customers.rows[bill.customer_id]
        case "charges":
            return account.charges.rows[bill.charge_ids[0]]
        case _:
            charge = account.charges.rows[bill.charge_ids[0]]
            return account.transactions.rows[charge.transaction_ids[-1]]


def every_case(watch: Watch) -> list[Case]:
    sample = a_whole_sale(watch.desk)
    operations.refund(watch.desk.account, bill_id=sample.id, amount="5.00", events=False)
    return [
        Case(kind=kind, path=path, value=value)
        for kind in KINDS
        for path in paths_in(render(watch.desk.account, row_of(watch, kind, sample)))
        for value in (LACKS, *PLAIN, *RAW)
    ]


async def tried(watch: Watch, cases: Sequence[Case]) -> list[str]:
    desk = watch.desk
    odd: dict[Case, tuple[Bill, Row]] = {}
    for case in cases:
        bill = a_whole_sale(desk)
        if case.kind == "transactions":
            operations.refund(desk.account, bill_id=bill.id, amount="5.00", events=False)
        row = row_of(watch, case.kind, bill)
        row.raw = case.applied(render(desk.account, row))
        odd[case] = bill, row
    healthy = [desk.sell() for _ in range(HEALTHY)]
    wrong: list[str] = []
    with capture_logs() as logs:
        for _ in range(4):
            await watch.pass_once()
            await desk.work()
            await desk.later(timedelta(minutes=10))
    lost = [bill.id for bill in healthy if len(desk.notas_of(bill)) != 1]
    if lost:
        wrong.append(f"{cases}: {len(lost)} healthy sales have no nota: {(await watch.state()).error}")
    names = ("lane_failed", "rows_taken_one_by_one", "row_not_taken_in", "slow_lanes_failed", "sale_failed")
    wrong += [f"{cases[0]}: {log}" for log in logs if log["event"] in names][:3]
    for _, row in odd.values():
        row.raw = None
    for bill, _ in odd.values():
        operations.touch(desk.account, bill_id=bill.id)
        desk.account.changed("bills", bill)
    for _ in range(3):
        await watch.pass_once()
        await desk.work()
        await desk.later(timedelta(minutes=10))
    if (await watch.state()).error:
        wrong.append(f"{cases}: mended, and {(await watch.state()).error}")
    for case, (bill, _) in odd.items():
        sale = (await desk.sale(bill))
        wanted = case.kind == "transactions" or len(desk.notas_of(bill)) == 1
        if not wanted:
            wrong.append(f"{case}: mended, and {sale.status} {sale.code} {sale.detail}")
    return wrong


async def test_an_absurd_row_hides_no_other_from_a_pass(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with an_absurd_desk(pool, monkeypatch) as desk:
        await pool.execute(
            "UPDATE vindi_connections SET connected_at = now() - $1::interval", CONNECTED_FOR
        )
        scheduler = Scheduler(services=services_of(desk), worker="test")
        await scheduler.enrol()
        watch = Watch(desk=desk, scheduler=scheduler)
        cases = some_of(every_case(watch))
        wrong: list[str] = []
        plain = [case for case in cases if case.value not in RAW]
        for at in range(0, len(plain), TOGETHER):
            wrong += await tried(watch, plain[at : at + TOGETHER])
        for case in cases:
            if case.value in RAW:
                wrong += await tried(watch, [case])
        assert not wrong, "\n".join(wrong)
