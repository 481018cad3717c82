"""Moments × what Vindi says × the order of news: what each sale around the activation ends as.

Each line is one bill at one account, told in what happened before the activation and what happened
after it. The account speaks each of the readings of the unconfirmed facts, and we look either while
it happens or only when all of it has.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from msgspec import Struct
from msgspec.structs import replace

from services.sandbox.vindi import operations, payments
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.records import Bill, Charge
from shared.domain.ids import BillId
from tests.services.reconciler.conftest import Watch

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
BEFORE = NOW - 3 * DAY
MADE = BEFORE - 10 * DAY
KNOWN = BEFORE + timedelta(hours=30)
HALF = 8_995

Step = Callable[[Account, Bill], object]
OURS: Final = frozenset({("issuing", None), ("issued", None)})
OUT: Final = frozenset({("skipped", "before_activation")})
UNCLEAR: Final = frozenset({("held", "activation_unclear")})
OPEN: Final = frozenset({("waiting_payment", None)})


def charges(account: Account, bill: Bill) -> list[Charge]:
    return [account.charges.rows[number] for number in bill.charge_ids]


def paid_before(account: Account, bill: Bill) -> None:
    """Paid, and known to be, before the activation."""
    operations.pay_bill(
        account, bill_id=bill.id, paid_at=BEFORE.isoformat(), known_at=KNOWN.isoformat(),
        events=False,
    )  # fmt: skip


def known_late(account: Account, bill: Bill) -> None:
    """Paid before the activation; Vindi learns of it only now."""
    operations.pay_bill(
        account, bill_id=bill.id, paid_at=BEFORE.isoformat(),
        known_at=account_now(account).isoformat(), events=False,
    )  # fmt: skip


def account_now(account: Account) -> datetime:
    return datetime.fromtimestamp(account.now_ms() / 1000, UTC)


def paid_now(account: Account, bill: Bill) -> None:
    operations.pay_bill(account, bill_id=bill.id, events=False)


def touched(account: Account, bill: Bill) -> None:
    operations.touch(account, bill_id=bill.id)


def edited(account: Account, bill: Bill) -> None:
    """Metadata was written, as whoever issued before us does; the bill's stamp moves alone."""
    operations.edit_bill(account, bill_id=bill.id, metadata={"nota": str(account.now_ms())})


def opened(account: Account, bill: Bill) -> None:
    """The customer looked at it, which moves its stamp too."""
    operations.edit_bill(account, bill_id=bill.id, seen=True)


def paid_again(account: Account, bill: Bill) -> None:
    operations.pay_again(account, bill_id=bill.id, events=False)


def rejected(account: Account, bill: Bill) -> None:
    operations.reject_attempt(account, bill_id=bill.id)


def given_back(account: Account, bill: Bill) -> None:
    operations.refund(account, bill_id=bill.id, events=False)


def part_given_back(account: Account, bill: Bill) -> None:
    operations.refund(account, bill_id=bill.id, amount="10.00", events=False)


def charged_back(account: Account, bill: Bill) -> None:
    """The bank took it back: the charge is canceled, and keeps the day it was paid."""
    operations.chargeback(account, bill_id=bill.id, as_refund=False)


def taken_back(account: Account, bill: Bill) -> None:
    """A payment entered by mistake is removed: nothing of it is left at the bill."""
    account.changing("bills", bill)
    for charge in charges(account, bill):
        account.changing("charges", charge)
        charge.status, charge.paid_ms = "pending", None
        for number in charge.transaction_ids:
            account.transactions.rows[number].status = "canceled"
        account.changed("charges", charge)
    bill.status = "pending"
    account.changed("bills", bill)


def opened_again(account: Account, bill: Bill) -> None:
    """The charge was canceled and the bill is owed again, by a charge of its own."""
    account.changing("bills", bill)
    bill.status = "pending"
    payments.issue_charge(account, bill, events=False, at=account.now_ms())
    account.changed("bills", bill)


def reissued(account: Account, bill: Bill) -> None:
    operations.reissue(account, bill_id=bill.id, method="pix")


def canceled(account: Account, bill: Bill) -> None:
    operations.cancel_bill(account, bill_id=bill.id)


def first_half_before(account: Account, bill: Bill) -> None:
    """In two charges; the first of them is paid."""
    [first] = charges(account, bill)
    first.cents = HALF
    payments._pay_charge(account, first, ms(BEFORE), ms(KNOWN), None)
    whole, bill.cents = bill.cents, HALF
    payments.issue_charge(account, bill, events=False, at=ms(KNOWN))
    bill.cents = whole


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


class Story(Struct, frozen=True, kw_only=True):
    """What happened to one bill, and what may become of it."""

    before: Sequence[Step] = ()
    after: Sequence[Step] = ()
    ends: frozenset[tuple[str, str | None]]
    unseen: frozenset[tuple[str, str | None]] | None = None  # where nobody looked meanwhile
    method: str = "online_bank_slip"


def stories() -> dict[str, Story]:
    maybe, late = OUT | UNCLEAR, OURS | UNCLEAR
    told = {
        "a boleto known late": Story(after=[known_late], ends=late),
        "a boleto known late, touched": Story(after=[known_late, touched], ends=late),
        "reissued, paid after": Story(after=[reissued, paid_now], ends=OURS),
        "never paid": Story(after=[touched], ends=OPEN),
        "canceled unpaid": Story(after=[canceled], ends=frozenset({("skipped", "bill_canceled")})),
    }
    for method in ("credit_card", "pix", "online_bank_slip", "cash"):
        dated = method in ("credit_card", "pix")  # to the second, by the gateway itself
        stays, ours = (OUT, OURS) if dated else (maybe, late)
        undone = frozenset({("held", "payment_undone")})
        again = [charged_back, opened_again, paid_now]
        lines = {
            "paid before": Story(before=[paid_before], after=[touched], ends=stays),
            "edited": Story(before=[paid_before], after=[edited], ends=stays),
            "edited, touched": Story(before=[paid_before], after=[edited, touched], ends=stays),
            "opened by its customer": Story(before=[paid_before], after=[opened], ends=stays),
            "edited, paid after": Story(before=[edited], after=[paid_now, edited], ends=ours),
            "touched twice": Story(before=[paid_before], after=[touched, touched], ends=stays),
            "paid after": Story(after=[paid_now, touched], ends=ours),
            "paid twice": Story(before=[paid_before], after=[paid_again], ends=stays),
            "paid thrice": Story(before=[paid_before], after=[paid_again] * 2, ends=stays),
            "rejected after": Story(before=[paid_before], after=[rejected], ends=stays),
            "rejected, paid after": Story(before=[rejected], after=[paid_now], ends=ours),
            "part given back": Story(before=[paid_before], after=[part_given_back], ends=stays),
            "given back": Story(
                before=[paid_before], after=[given_back], ends=stays | {("skipped", "refunded")}
            ),
            "charged back": Story(before=[paid_before], after=[charged_back], ends=stays | undone),
            "charged back, paid again": Story(
                before=[paid_before], after=[charged_back, paid_again], ends=maybe
            ),
            "opened again": Story(
                before=[paid_before], after=[charged_back, opened_again], ends=maybe | OPEN
            ),
            "opened, paid again": Story(before=[paid_before], after=again, ends=maybe),
            "opened, paid again, touched": Story(
                before=[paid_before], after=[*again, touched], ends=maybe
            ),
            "taken back": Story(before=[paid_before], after=[taken_back], ends=maybe | OPEN),
            # Nothing of the first payment is left to be read by whoever did not look before.
            "taken back, paid again": Story(
                before=[paid_before],
                after=[taken_back, paid_now, touched],
                ends=maybe,
                unseen=OURS,
            ),
            "half and half": Story(before=[first_half_before], after=[paid_now], ends=ours),
            "both halves before": Story(
                before=[first_half_before, paid_before], after=[touched], ends=stays
            ),
            "both halves, paid again": Story(
                before=[first_half_before, paid_before], after=[paid_again], ends=maybe
            ),
        }
        told |= {f"{name}, {method}": replace(one, method=method) for name, one in lines.items()}
    return told


# Registered boletos' transactions; whether these move when paid; whether a touch reaches them.
READINGS: Final = [
    ("none", True, False),
    ("same", True, True),
    ("same", False, False),
    ("own", False, True),
]


@pytest.mark.parametrize("looks", ["each", "late", "last", "watched"])
@pytest.mark.parametrize(("boletos", "move", "reaches"), READINGS)
async def test_each_sale_ends_on_its_side_of_the_activation(
    watch: Watch, looks: str, boletos: str, move: bool, reaches: bool
) -> None:
    desk, account = watch.desk, watch.desk.account
    account.faults.change(
        {
            "boleto_transactions": boletos,
            "transactions_move": move,
            "touch_reaches_transactions": reaches,
        }
    )
    await set_active(watch, None if looks == "watched" else NOW - timedelta(hours=20))
    told = stories()
    bills: dict[str, Bill] = {}
    for name, story in told.items():
        made: dict[str, Any] = {
            "paid": False,
            "created_at": MADE.isoformat(),
            "method": story.method,
        }
        bills[name] = desk.sell(**made)
        for step in story.before:
            step(account, bills[name])
    if looks not in ("late", "last"):
        await look(watch, bills)
    if looks == "watched":
        await set_active(watch, datetime.now(UTC))
    for turn in range(4):
        desk.sandbox.clock.advance(61)
        for name, story in told.items():
            for step in story.after[turn : turn + 1]:
                step(account, bills[name])
        if looks != "last" and (looks != "late" or turn):
            await look(watch, bills)
    for _ in range(2):
        await look(watch, bills)
    wrong = {}
    for name, story in told.items():
        sale = await desk.sale(bills[name])
        ended = (sale.status.value, sale.code)
        if ended not in (
            story.unseen if looks in ("late", "last") and story.unseen else story.ends
        ):
            wrong[name] = ended
    assert wrong == {}


async def set_active(watch: Watch, at: datetime | None) -> None:
    async with watch.desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE tenants SET active_from = $1, status = $2",
            at, "setting_up" if at is None else "active",
        )  # fmt: skip


async def look(watch: Watch, bills: dict[str, Bill]) -> None:
    """A pass, and every bill asked for once more, as a new rule or any event would."""
    await watch.pass_once()
    await watch.desk.work()
    await watch.desk.heard(*(BillId(bill.id) for bill in bills.values()))
    await watch.desk.work()


TAKEN_BACK: Final[Sequence[Step]] = (taken_back, paid_now)
SHADOW: Final = frozenset({("skipped", "shadow_issue")})


@pytest.mark.parametrize(
    ("after", "ends"),
    [
        ((touched,), SHADOW),
        ((paid_again,), SHADOW),
        (TAKEN_BACK, SHADOW | UNCLEAR),
        ((charged_back, opened_again, paid_now), SHADOW | UNCLEAR),
        ((part_given_back,), SHADOW | {("skipped", "shadow_hold")}),
    ],
)
@pytest.mark.parametrize("method", ["credit_card", "online_bank_slip"])
async def test_what_was_paid_in_shadow_is_not_sent_once_notas_are_issued(
    watch: Watch, method: str, after: Sequence[Step], ends: frozenset[tuple[str, str | None]]
) -> None:
    desk, account = watch.desk, watch.desk.account
    async with desk.pool.acquire() as conn:
        await conn.execute(
            "UPDATE tenants SET status = 'shadow', active_from = NULL, shadow_from = $1",
            NOW - 20 * DAY,
        )
    bill = desk.sell(paid=False, created_at=MADE.isoformat(), method=method)
    paid_before(account, bill)
    await look(watch, {"": bill})
    in_shadow = await desk.sale(bill)
    assert (in_shadow.status.value, in_shadow.code) in SHADOW

    await set_active(watch, datetime.now(UTC))
    for step in after:
        desk.sandbox.clock.advance(61)
        step(account, bill)
        await look(watch, {"": bill})
        await look(watch, {"": bill})

    sale = await desk.sale(bill)
    assert (sale.status.value, sale.code) in ends


async def test_a_pause_and_what_is_paid_in_it_move_no_line(watch: Watch) -> None:
    desk, account = watch.desk, watch.desk.account
    await set_active(watch, NOW - DAY)
    old, new = (desk.sell(paid=False, created_at=MADE.isoformat(), method="pix") for _ in range(2))
    paid_before(account, old)
    await look(watch, {"old": old})
    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET status = 'paused'")
    paid_now(account, new)
    paid_again(account, old)
    await look(watch, {"old": old, "new": new})
    paused = await desk.sale(new)

    async with desk.pool.acquire() as conn:
        await conn.execute("UPDATE tenants SET status = 'active'")
    await look(watch, {"old": old, "new": new})

    ended = [(sale.status.value, sale.code) for sale in [await desk.sale(b) for b in (old, new)]]
    assert (paused.status.value, paused.code) == ("held", "tenant_paused")
    assert ended[0] in OUT
    assert ended[1] in OURS
