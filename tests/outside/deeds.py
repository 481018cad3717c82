"""What happens in a random world: sales, payments, refunds, settings, each a deed in a shop."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.outside.random_world import Campaign
from tests.outside.town import Shop, ago
from tests.outside.vindi import moves, records
from tests.outside.vindi.hookshot import as_text
from tests.outside.vindi.records import Record, midnight

NAMES = ("José da Silva", "Ana Conceição", "  PADARIA  DO ZÉ LTDA ", "Zoë Ñandú", "Ação & Cia <b>")


def _open_bill(run: Campaign, shop: Shop) -> Record | None:
    found = [each for each in shop.account.bills.values() if each["status"] == "pending"]
    payable = [each for each in found if any(c["status"] == "pending" for c in each["charges"])]
    return run.chance.choice(payable) if payable else None


def _paid_bill(run: Campaign, shop: Shop) -> Record | None:
    found = [
        each
        for each in shop.account.bills.values()
        if each["status"] == "paid"
        and each["charges"]
        and all(charge["status"] == "paid" for charge in each["charges"])
        and not shop.judge._given_back(each)
    ]
    return run.chance.choice(found) if found else None


def _amount(run: Campaign) -> str:
    return f"{run.chance.randrange(1, 100_000) / 100:.2f}"


def backdated(run: Campaign, shop: Shop) -> Record:
    """A boleto that was paid some days ago, and is known of now."""
    days = run.chance.randrange(12)
    bill = shop.sell(_amount(run), method="online_bank_slip", at=ago(days=days + 2))
    moves.pay(shop.account, bill, paid_at=midnight(ago(days=days)))
    return bill


def mixed(run: Campaign, shop: Shop) -> Record:
    """Two products, with a discount on one of them or none."""
    lines: list[moves.Line] = [(shop.product, _amount(run)), (shop.course, _amount(run))]
    if run.chance.random() < 0.5:
        product = run.chance.choice((shop.product, shop.course))
        lines.append((product, "-0.01", {"discount": {"id": 1}}))
    bill = moves.sell(shop.account, shop.customer, lines)
    if bill["charges"]:
        moves.pay(shop.account, bill)
    return bill


def _buyer(run: Campaign, shop: Shop) -> dict[str, Any]:
    kind = run.chance.random()
    if kind < 0.6:
        return {}
    if kind < 0.7:
        return {"customer": shop.account.add_customer(registry_code=run.chance.choice((None, "")))}
    if kind < 0.8:
        address = dict.fromkeys(shop.customer["address"]) | {"country": "BR"}
        return {"customer": shop.account.add_customer(address=address)}
    if kind < 0.85:
        rejected = [
            each
            for each in shop.account.customers.values()
            if each["registry_code"] in shop.judge.rejected
        ]
        return {"customer": rejected[0]}
    name = run.chance.choice(NAMES)
    email = run.chance.choice((None, "", "nada@", "um@loja.example"))
    return {"customer": shop.account.add_customer(name=name, email=email)}


def open_one(run: Campaign, shop: Shop) -> Record:
    method = run.chance.choice(tuple(records.METHODS))
    return shop.sell(_amount(run), method=method, **_buyer(run, shop))


def paid_one(run: Campaign, shop: Shop) -> Record:
    bill = open_one(run, shop)
    moves.pay(shop.account, bill)
    return bill


def free_one(run: Campaign, shop: Shop) -> Record:
    lines: list[moves.Line] = [
        (shop.product, "50.00"),
        (shop.product, "-50.00", {"discount": {"id": 1}}),
    ]
    bill = moves.sell(shop.account, shop.customer, lines)
    bill["status"] = "paid"
    shop.account.news.append(("bill_paid", bill))
    return bill


def discounted(run: Campaign, shop: Shop) -> Record:
    lines: list[moves.Line] = [
        (shop.product, "100.00"),
        (shop.product, "-20.10", {"discount": {"id": 1}}),
    ]
    bill = moves.sell(shop.account, shop.customer, lines)
    moves.pay(shop.account, bill)
    return bill


def disagreeing(run: Campaign, shop: Shop) -> Record:
    lines: list[moves.Line] = [(shop.product, "100.00")]
    bill = moves.sell(shop.account, shop.customer, lines, amount=Decimal("90.00"))
    moves.pay(shop.account, bill)
    return bill


def paid_later(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None:
        for charge in [each for each in bill["charges"] if each["status"] == "pending"][-1:]:
            moves.pay(shop.account, bill, charge=charge)
    return bill


def in_two(run: Campaign, shop: Shop) -> Record:
    """Two charges, each half; the second is paid sooner or later."""
    bill = shop.sell("80.00")
    first = bill["charges"][0]
    first["amount"] = Decimal("30.00")
    second = moves.add_charge(shop.account, bill, method="pix", amount=Decimal("50.00"))
    moves.pay(shop.account, bill, charge=first)
    run.later(lambda: None if bill["status"] != "pending" else _pay_charge(shop, bill, second))
    return bill


def _pay_charge(shop: Shop, bill: Record, charge: Record) -> None:
    if charge["status"] == "pending":
        moves.pay(shop.account, bill, charge=charge)


def rejected(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop) if run.chance.random() < 0.5 else _paid_bill(run, shop)
    if bill is not None:
        moves.reject(shop.account, bill)
    return bill


def reissued(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None and all(each["status"] != "paid" for each in bill["charges"]):
        moves.reissue(shop.account, bill)
        return bill
    return None


def cancelled(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None:
        moves.cancel(shop.account, bill)
    return bill


def refunded(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None:
        ends = run.chance.random() < 0.5
        for number, charge in enumerate(bill["charges"]):
            last = number == len(bill["charges"]) - 1
            moves.refund(shop.account, bill, charge=charge, cancel_bill=ends and last)
    return bill


def refunded_in_part(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None and bill["charges"][0]["amount"] > 1:
        moves.refund(shop.account, bill, Decimal("0.50"), charge=bill["charges"][0])
        return bill
    return None


def refunded_by_parts(run: Campaign, shop: Shop) -> Record | None:
    """Two partial refunds that come to all of it."""
    bill = _paid_bill(run, shop)
    if bill is None or len(bill["charges"]) > 1 or bill["charges"][0]["amount"] < 2:
        return None
    whole = bill["charges"][0]["amount"]
    moves.refund(shop.account, bill, Decimal("1.00"))
    run.later(lambda: _refund_rest(shop, bill, whole - 1))
    return bill


def _refund_rest(shop: Shop, bill: Record, rest: Decimal) -> None:
    if shop.judge._given_back(bill) == Decimal("1.00"):
        moves.refund(shop.account, bill, rest)


def refund_refused(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None:
        status = run.chance.choice(("rejected", "failure", "canceled"))
        moves.refund(shop.account, bill, Decimal("1.00"), status=status)
    return bill


def charged_back(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None and len(bill["charges"]) == 1:
        moves.charge_back(shop.account, bill)
        return bill
    return None


def reviewed(run: Campaign, shop: Shop) -> Record:
    bill = shop.sell(status=run.chance.choice(("review", "scheduled")))
    if run.chance.random() < 0.5:
        run.later(lambda: moves.approve(shop.account, bill))
    return bill


def edited(run: Campaign, shop: Shop) -> Record | None:
    bill = _open_bill(run, shop)
    if bill is not None and len(bill["charges"]) == 1:
        moves.edit(shop.account, bill, [(shop.product, _amount(run))])
        return bill
    return None


def verified_card(run: Campaign, shop: Shop) -> None:
    moves.add_transaction(shop.account, None, "verify", amount=Decimal("1.00"))
    moves.add_transaction(shop.account, None, "refund", amount=Decimal("1.00"))


def seen(run: Campaign, shop: Shop) -> Record | None:
    bill = _paid_bill(run, shop)
    if bill is not None:
        shop.account.news.append(("bill_seen", bill))
    return bill


def forged(run: Campaign, shop: Shop) -> None:
    """Somebody knows the address and makes things up."""
    number = run.chance.choice((0, -1, 2**70, "x", None, 999_999_999))
    body = {"event": {"type": "bill_paid", "data": {"bill": {"id": number, "status": "paid"}}}}
    task = asyncio.ensure_future(shop.hookshot.post(as_text(body)))
    run.town.enotas.tasks.add(task)  # kept until it is done
    task.add_done_callback(run.town.enotas.tasks.discard)


def behind_replica(run: Campaign, shop: Shop) -> Record:
    """The event is there before the replica has the bill."""
    bill = paid_one(run, shop)
    shop.account.hidden[bill["id"]] = asyncio.get_running_loop().time() + 1.5
    return bill


WEIGHTS: tuple[tuple[int, Callable[[Campaign, Shop], Record | None]], ...] = (
    (10, paid_one),
    (6, open_one),
    (6, paid_later),
    (1, free_one),
    (2, discounted),
    (3, backdated),
    (3, mixed),
    (1, disagreeing),
    (2, in_two),
    (2, rejected),
    (2, reissued),
    (2, cancelled),
    (3, refunded),
    (2, refunded_in_part),
    (1, refunded_by_parts),
    (1, refund_refused),
    (1, charged_back),
    (2, reviewed),
    (2, edited),
    (1, verified_card),
    (1, seen),
    (1, forged),
    (1, behind_replica),
)
DEEDS = [(deed.__name__, deed) for weight, deed in WEIGHTS for _ in range(weight)]
