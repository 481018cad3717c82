"""One absurd value in one field of one row that a pass reads: it hides no other sale.

`NOTAPONTE_ABSURD=all` tries every value in every field, `NOTAPONTE_ABSURD=500` so many of them.
"""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from services.reconciler.accounts import read_list
from services.reconciler.accounts.schedule import Scheduler
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill, Row
from services.sandbox.vindi.render import render
from shared.db.connection import Pool
from tests.services.emitter.test_absurd_fields import (
    LACKS,
    Case,
    a_whole_sale,
    an_absurd_desk,
    has_one_nota,
    some_of,
)
from tests.services.reconciler.conftest import CONNECTED_FOR, Watch, services_of
from tests.support.absurd import PLAIN, RAW, paths_in

HEALTHY = 5
TOGETHER = 30
FAILURES = (
    "lane_failed",
    "row_not_taken_in",
    "rows_taken_one_by_one",
    "sale_failed",
    "slow_lanes_failed",
)
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
    """Read such rows beside those of healthy sales; give what was wrong."""
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
    with capture_logs() as logs:
        await passes(watch, 4)
    wrong = [f"{bill.id} is in order: {cases}" for bill in healthy if len(desk.notas_of(bill)) != 1]
    wrong += [f"{log}: {cases}" for log in logs if log["event"] in FAILURES]
    for bill, row in odd.values():
        row.raw = None
        operations.touch(desk.account, bill_id=bill.id)
        desk.account.changed("bills", bill)
    await passes(watch, 3)
    error = (await watch.state()).error
    wrong += [f"mended, and {error}: {cases}"] if error else []
    mended = [
        await has_one_nota(desk, case, bill)
        for case, (bill, _) in odd.items()
        if case.kind != "transactions"  # refunded in part, which is a person's
    ]
    return [*wrong, *(found for found in mended if found)]


async def passes(watch: Watch, number: int) -> None:
    for _ in range(number):
        await watch.pass_once()
        await watch.desk.work()
        await watch.desk.later(timedelta(minutes=10))


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
        plain = [case for case in cases if case.value not in RAW]
        alone = [[case] for case in cases if case.value in RAW]
        together = [plain[at : at + TOGETHER] for at in range(0, len(plain), TOGETHER)]
        wrong = [one for some in (*together, *alone) for one in await tried(watch, some)]
        assert not wrong, "\n".join(wrong)
