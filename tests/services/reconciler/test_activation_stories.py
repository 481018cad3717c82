"""Stories around an activation nobody thought of: made at random, judged by what Vindi knew when.

What was paid in full, and known to be, before the activation has no nota of ours, whatever follows.
What was paid in full only after it is issued, or asked about, and never left to others.
"""

import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from msgspec import Struct

from services.sandbox.vindi import operations, payments
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.operations import OperationRefusedError
from services.sandbox.vindi.records import Bill
from shared.domain.moment import TO_THE_SECOND
from tests.services.reconciler import test_activation_table as table
from tests.services.reconciler.conftest import Watch
from tests.services.reconciler.test_activation_table import READINGS, Step

STORIES: Final = int(os.environ.get("NOTAPONTE_ACTIVATION_STORIES", "40"))
TURNS: Final = 4
LATE: Final = 1  # the turn after which we look first


def half_now(account: Account, bill: Bill) -> None:
    """The first of its charges that is open is paid, and a second one is made for the rest."""
    [open_one] = [one for one in table.charges(account, bill) if one.status == "pending"][:1]
    if open_one.cents < bill.cents:
        payments._pay_charge(account, open_one, account.now_ms(), account.now_ms(), None)
        return
    open_one.cents = table.HALF
    payments._pay_charge(account, open_one, account.now_ms(), account.now_ms(), None)
    whole, bill.cents = bill.cents, bill.cents - table.HALF
    payments.issue_charge(account, bill, events=False, at=account.now_ms())
    bill.cents = whole


def known_late(account: Account, bill: Bill) -> None:
    """Paid on a day before the activation, after its newest charge was made; known only now."""
    if any(one.method in TO_THE_SECOND for one in table.charges(account, bill)):
        raise OperationRefusedError("the gateway itself pays and dates it")
    made = max(one.created_ms for one in table.charges(account, bill))
    paid_at = max(table.BEFORE, datetime.fromtimestamp(made / 1000, UTC) + timedelta(hours=1))
    operations.pay_bill(
        account, bill_id=bill.id, paid_at=min(paid_at, table.account_now(account)).isoformat(),
        known_at=table.account_now(account).isoformat(), events=False,
    )  # fmt: skip


def opened_again(account: Account, bill: Bill) -> None:
    """Owed again, once nothing of it is paid any more."""
    if any(one.status in ("paid", "pending") for one in table.charges(account, bill)):
        raise OperationRefusedError("it is paid, or open")
    table.opened_again(account, bill)


def metadata_edited(account: Account, bill: Bill) -> None:
    operations.edit_bill(account, bill_id=bill.id, metadata={"nota": str(account.now_ms())})


def given_to_us(account: Account, bill: Bill) -> None:
    """A dispute that was won: the charge is paid as it was."""
    for charge in table.charges(account, bill):
        if charge.status == "canceled" and charge.paid_ms is not None:
            account.changing("charges", charge)
            charge.status = "paid"
            account.changed("charges", charge)
            return
    raise OperationRefusedError("nothing was taken back")


BEFORE: Final[Sequence[Step]] = (
    table.paid_before,
    table.paid_before,
    table.first_half_before,
    table.rejected,
    metadata_edited,
)
AFTER: Final[Sequence[Step]] = (
    table.paid_now,
    table.paid_now,
    known_late,
    table.touched,
    metadata_edited,
    table.paid_again,
    table.rejected,
    table.part_given_back,
    table.charged_back,
    given_to_us,
    opened_again,
    table.taken_back,
    table.reissued,
    half_now,
)
UNDOES: Final = frozenset({table.part_given_back, table.charged_back, table.given_back})


class Told(Struct, kw_only=True):
    """One bill, and what happened to it."""

    bill: Bill
    method: str
    steps: list[str]
    paid_before: bool = False
    undone: bool = False
    erased: bool = False  # nothing of its first payment is left to be read


def is_paid(account: Account, bill: Bill) -> bool:
    return bill.status == "paid"


def happens(told: Told, account: Account, step: Step) -> None:
    try:
        step(account, told.bill)
    except (OperationRefusedError, ValueError, IndexError):
        return
    told.steps.append(step.__name__)
    told.undone = told.undone or step in UNDOES
    told.erased = told.erased or step is table.taken_back


def a_story(watch: Watch, rng: random.Random) -> Told:
    account = watch.desk.account
    method = rng.choice(["credit_card", "pix", "online_bank_slip", "bank_slip", "cash"])
    made: dict[str, Any] = {
        "paid": False, "created_at": table.MADE.isoformat(), "method": method,
    }  # fmt: skip
    told = Told(bill=watch.desk.sell(**made), method=method, steps=[])
    steps = sorted(rng.sample(BEFORE, rng.randint(0, 2)), key=lambda one: one is table.paid_before)
    for step in steps:
        happens(told, account, step)
    told.paid_before = is_paid(account, told.bill)
    told.steps.append("|")
    return told


@pytest.mark.parametrize("looks", ["each", "last", "late"])
@pytest.mark.parametrize(("boletos", "move", "reaches"), READINGS)
async def test_whatever_happens_to_bills_around_an_activation(
    watch: Watch, looks: str, boletos: str, move: bool, reaches: bool
) -> None:
    seed = os.environ.get("NOTAPONTE_ACTIVATION_SEED", "1")
    rng = random.Random(f"{seed} {looks} {boletos} {move}")
    desk, account = watch.desk, watch.desk.account
    account.faults.change(
        {
            "boleto_transactions": boletos,
            "transactions_move": move,
            "touch_reaches_transactions": reaches,
        }
    )
    await table.set_active(watch, None)
    stories = [a_story(watch, rng) for _ in range(STORIES)]
    bills = {str(one.bill.id): one.bill for one in stories}
    if looks == "each":
        await table.look(watch, bills)
    active_from = datetime.now(UTC) if looks == "each" else table.NOW - timedelta(hours=20)
    await table.set_active(watch, active_from)
    for turn in range(TURNS):
        desk.sandbox.clock.advance(61)
        for one in stories:
            if rng.random() < 0.7:
                happens(one, account, rng.choice(AFTER))
        if looks == "each" or (looks == "late" and turn >= LATE):
            await table.look(watch, bills)
    for _ in range(2):
        await table.look(watch, bills)
    assert {
        " ".join([one.method, *one.steps]): wrong
        for one in stories
        if (wrong := await what_is_wrong(watch, one, looks))
    } == {}


async def what_is_wrong(watch: Watch, one: Told, looks: str) -> str | None:
    sale = await watch.desk.sale(one.bill)
    notas = watch.desk.notas_of(one.bill)
    said = f"{sale.status.value} {sale.code}"
    if one.paid_before and notas and not (one.erased and looks != "each"):
        return f"issued twice: {said}"
    if len(notas) > 1:
        return f"two notas: {said}"
    whole = is_paid(watch.desk.account, one.bill) and not one.undone
    if not one.paid_before and whole and (said == "skipped before_activation"):
        return f"nobody issues it: {said}"
    if not one.paid_before and whole and not notas and sale.code != "activation_unclear":
        return f"not issued: {said}"
    return None
