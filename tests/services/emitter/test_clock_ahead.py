"""A guarantee is over once its days are, whoever's clock is ahead: a nota cannot be taken back."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from services.emitter import context
from services.emitter.stopping import restored
from services.sandbox.vindi.records import Bill
from shared.vindi import client
from tests.services.emitter.conftest import Desk

AHEAD = timedelta(days=20)
DAYS = 7


class FastClock(datetime):
    """A machine's clock that is ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "FastClock":
        """The instant as that machine has it."""
        real = datetime.now(tz) + AHEAD
        return cls.fromtimestamp(real.timestamp(), tz)


@pytest.fixture
def database_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock, by which the emitter decides, is ahead."""

    async def loaded(*args: Any) -> tuple[restored.Restored, datetime]:
        found, now = await load(*args)
        return found, now + AHEAD

    load = restored.load_restored
    monkeypatch.setattr(context, "load_restored", loaded)


async def looked_at(desk: Desk, bill: Bill) -> None:
    """The sale is due by that clock, and an emitter takes it up."""
    await desk.pool.execute("UPDATE outbox SET due_at = now() WHERE bill_id = $1", bill.id)
    await desk.work()


async def waiting(desk: Desk, **details: Any) -> Bill:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=DAYS)
    bill = await desk.sold(**details)
    await desk.work()
    assert (await desk.sale(bill)).status == "in_guarantee"
    return bill


async def test_a_guarantee_that_is_over_by_the_databases_clock_alone_is_not_over(
    desk: Desk, database_ahead: None
) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=DAYS)

    bill = await desk.sold()
    await desk.work()
    await looked_at(desk, bill)

    sale = await desk.sale(bill)
    assert sale.status == "in_guarantee"
    assert sale.issue_at is not None
    assert desk.company.notas == {}
    due = await desk.pool.fetchval("SELECT due_at FROM outbox WHERE bill_id = $1", bill.id)
    off = due - sale.issue_at
    assert abs(off - AHEAD) < timedelta(minutes=2)  # as that clock will say when it is over


async def test_what_its_customer_lacks_is_told_as_ever(desk: Desk, database_ahead: None) -> None:
    await desk.rule(issue_when="guarantee_ended", guarantee_days=DAYS)

    bill = await desk.sold(customer={"registry_code": None})
    await desk.work()

    sale = await desk.sale(bill)
    assert (sale.status, sale.attention) == ("in_guarantee", "customer_document_missing")


async def test_a_guarantee_that_is_over_at_vindi_too_has_its_nota(
    desk: Desk, database_ahead: None
) -> None:
    late = {"keep_until_day": 1, "then": "today"}
    await desk.rule(issue_when="guarantee_ended", guarantee_days=DAYS, late_competencia=late)
    paid = datetime.now(UTC) - timedelta(days=DAYS + 2)

    await desk.sold(paid_at=paid.isoformat(), created_at=paid.isoformat())
    await desk.work()

    assert len(desk.company.notas) == 1


async def test_a_process_whose_clock_is_ahead_ends_no_guarantee(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = await waiting(desk)
    monkeypatch.setattr(context, "datetime", FastClock)
    monkeypatch.setattr(client, "datetime", FastClock)

    await looked_at(desk, bill)

    assert (await desk.sale(bill)).status == "in_guarantee"
    assert desk.company.notas == {}
