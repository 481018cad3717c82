"""One absurd value in one field of a bill or customer: that sale has a word, others their nota.

`NOTAPONTE_ABSURD=all` tries every value in every field, `NOTAPONTE_ABSURD=500` so many of them.
"""

import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.sandbox.run import running_sandbox
from services.sandbox.vindi import operations
from services.sandbox.vindi.app import VindiApp
from services.sandbox.vindi.records import Bill, Row
from services.sandbox.vindi.render import render
from services.sandbox.wire import Answer, Call
from shared.db.connection import Pool
from shared.db.sales import sales_read, timeline_store
from shared.domain.ids import BillId
from tests.services.emitter.conftest import Desk, a_desk
from tests.support.absurd import PLAIN, RAW, Path, changed, marker, paths_in, spoilt, without

HEALTHY = 20
TOGETHER = 40  # odd sales in one batch; of those that spoil their whole page, one
ASKED = os.environ.get("NOTAPONTE_ABSURD", "30")
MINUTES = timedelta(minutes=10)
LACKS = "(absent)"
FAILURES = ("sale_failed", "batch_divided", "row_unforeseen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A field of a kind of record, and the name of what stands there."""

    kind: str
    path: Path
    value: str

    def applied(self, record: Any) -> Any:
        if self.value == LACKS:
            return without(record, self.path)
        value = PLAIN[self.value] if self.value in PLAIN else marker(self.value)
        return changed(record, self.path, value)


@asynccontextmanager
async def an_absurd_desk(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A desk whose account may answer bytes that no encoder writes."""
    real = VindiApp.handle

    def handle(app: VindiApp, call: Call) -> Answer:
        answer = real(app, call)
        if answer.hang_up or b"@@" not in answer.body:
            return answer
        return Answer(status=answer.status, body=spoilt(answer.body), headers=answer.headers)

    monkeypatch.setattr(VindiApp, "handle", handle)
    async with running_sandbox() as sandbox, a_desk(pool, sandbox) as desk:
        desk.account.rate.limit = None
        yield desk


def a_whole_sale(desk: Desk) -> Bill:
    """A paid bill that has whatever a bill may have."""
    plan = operations.create_plan(desk.account, code="MENSAL")
    buyer = operations.create_example_customer(desk.account)
    buyer.phones = [{"id": 1, "phone_type": "mobile", "number": "5511987654321", "extension": None}]
    buyer.metadata = {"chave": "valor"}
    subscribed = operations.create_subscription(
        desk.account, customer_id=buyer.id, plan_id=plan.id, code="A-1"
    )
    lines = [
        {"product_id": desk.product_id, "amount": "199.90", "description": "Uma linha"},
        {"product_id": desk.product_id, "amount": "-20.00"},
    ]
    return operations.renew(
        desk.account, subscription_id=subscribed.id, lines=lines, events=False, code="F-1",
        metadata={"chave": "valor"},
    )  # fmt: skip


def row_of(desk: Desk, kind: str, bill: Bill) -> Row:
    if kind == "bills":
        return bill
    return desk.account.customers.rows[bill.customer_id]


def every_case(desk: Desk) -> list[Case]:
    """Each value in each field."""
    sample = a_whole_sale(desk)
    return [
        Case(kind=kind, path=path, value=value)
        for kind in ("bills", "customers")
        for path in paths_in(render(desk.account, row_of(desk, kind, sample)))
        for value in (LACKS, *PLAIN, *RAW)
    ]


def some_of(cases: Sequence[Case]) -> list[Case]:
    """All, or a sample that is the same each time; of what spoils a page a few at most."""
    if ASKED == "all":
        return list(cases)
    rng = random.Random(int(os.environ.get("NOTAPONTE_SEED", "7")))
    spoiling = [case for case in cases if case.value in RAW]
    plain = [case for case in cases if case.value not in RAW]
    number = int(ASKED)
    return [*rng.sample(plain, number - number // 10), *rng.sample(spoiling, number // 10)]


async def problem_of(desk: Desk, case: Case, bill: Bill) -> str | None:
    """What is wrong with how a sale ended, if anything is."""
    notas = desk.notas_of(bill)
    async with desk.pool.acquire() as conn:
        sale = await sales_read.get(conn, desk.tenant, BillId(bill.id))
        lines = await timeline_store.of_bill(conn, desk.tenant, BillId(bill.id))
        row = await conn.fetchrow(
            "SELECT state, due_at > now() AS later FROM outbox WHERE bill_id = $1", bill.id
        )
    assert row is not None
    if len(notas) > 1:
        return f"{case}: {len(notas)} notas"
    if sale is None or sale.status == "queued":
        return f"{case}: nobody has a word for it"
    if sale.code == "decision_failed":
        return f"{case}: failed {sale.detail}"
    if not notas and not sale.code and sale.status not in ("waiting_payment", "in_guarantee"):
        return f"{case}: {sale.status} without a code"
    if not lines:
        return f"{case}: nothing told"
    if row["state"] == "leased" or (row["state"] == "due" and not row["later"]):
        return f"{case}: due for ever"
    return None


async def has_one_nota(desk: Desk, case: Case, bill: Bill) -> str | None:
    """What is wrong with a sale whose bill is in order again."""
    if len(desk.notas_of(bill)) == 1:
        return None
    sale = await desk.sale(bill)
    if sale.code == "bill_of_another_account":  # it was read with another creation before
        return None
    return f"{case}: mended, and {sale.status} {sale.code}"


async def tried(desk: Desk, cases: Sequence[Case]) -> list[str]:
    """Work on sales with these odd fields beside healthy ones; give what was wrong."""
    healthy = [desk.sell() for _ in range(HEALTHY)]
    odd: dict[Case, tuple[Bill, Row]] = {}
    for case in cases:
        bill = a_whole_sale(desk)
        row = row_of(desk, case.kind, bill)
        row.raw = case.applied(render(desk.account, row))
        odd[case] = bill, row
    every = [*healthy, *(bill for bill, _ in odd.values())]
    await desk.heard(*(BillId(bill.id) for bill in every))
    with capture_logs() as logs:
        await rounds(desk, 12)
    wrong = [f"{case}" for case in cases if any(log["event"] in FAILURES for log in logs)]
    wrong += [f"{bill.id} is in order" for bill in healthy if len(desk.notas_of(bill)) != 1]
    wrong += [
        found for case, (bill, _) in odd.items() if (found := await problem_of(desk, case, bill))
    ]
    for bill, row in odd.values():
        row.raw = None
        operations.touch(desk.account, bill_id=bill.id)
        desk.account.changed("bills", bill)
    await desk.heard(*(BillId(bill.id) for bill, _ in odd.values()))
    await rounds(desk, 4)
    mended = [await has_one_nota(desk, case, bill) for case, (bill, _) in odd.items()]
    return [*wrong, *(found for found in mended if found)]


async def rounds(desk: Desk, number: int) -> None:
    for _ in range(number):
        await desk.work()
        await desk.later(MINUTES)
    await desk.work()


async def test_an_absurd_field_is_its_own_sales_trouble(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with an_absurd_desk(pool, monkeypatch) as desk:
        cases = some_of(every_case(desk))
        plain = [case for case in cases if case.value not in RAW]
        alone = [[case] for case in cases if case.value in RAW]
        together = [plain[at : at + TOGETHER] for at in range(0, len(plain), TOGETHER)]
        wrong = [one for some in (*together, *alone) for one in await tried(desk, some)]
        assert not wrong, "\n".join(wrong)
