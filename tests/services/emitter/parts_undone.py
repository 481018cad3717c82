"""What may happen to a bill of several notas, and how it shows."""

from typing import Any

from services.emitter.dispatch import Dispatcher
from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill
from tests.services.emitter.conftest import Desk
from tests.services.emitter.test_parts import (
    states,
)


async def one_pass(desk: Desk) -> None:
    """The first part is with the issuer, the second was not sent."""
    dispatcher = Dispatcher(tools=desk.tools, worker="one pass")
    await dispatcher.dispatch_once(lambda: None)
    await dispatcher.drain()


def shown(sale: Any) -> tuple[str, str | None, str | None]:
    return sale.status, sale.code, sale.attention


def valid(desk: Desk, bill: Bill) -> int:
    return sum(1 for one in states(desk, bill).values() if one == "Autorizada")


def come_to_nothing(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(
        desk.account, bill_id=bill.id, amount="0.00", line_amounts=["0.00", "0.00"]
    )


def swapped(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(desk.account, bill_id=bill.id, line_amounts=["79.90", "100.00"])


def changed(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(
        desk.account, bill_id=bill.id, amount="150.00", line_amounts=["100.00", "50.00"]
    )


def line_added(desk: Desk, bill: Bill) -> None:
    operations.edit_bill(desk.account, bill_id=bill.id, amount="300.00")
