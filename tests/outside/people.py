"""What people of a tenant ask for: a nota taken back, wanted again, an amount that they choose."""

from typing import Any

from tests.outside.product import Refused
from tests.outside.random_world import Campaign, Change
from tests.outside.town import Shop
from tests.outside.vindi.records import lines_of


async def taken_back(run: Campaign, shop: Shop) -> str:
    """Cancelled by a person, whatever has become of it."""
    if shop.testing or not shop.account.bills:
        return f"{shop.tenant.id}: nothing to take back"
    number = run.whims.choice(list(shop.account.bills))
    if shop.judge.is_spoken_for(number):
        return f"{number} was asked about before"
    said = await _asked(shop, number, "cancel")
    if not said:
        shop.judge.taken_back.add(number)
    return f"{number} taken back: {said or 'accepted'}"


async def wanted_again(run: Campaign, shop: Shop) -> str:
    """What was taken back, here or in the issuer's panel, is issued after all."""
    found = sorted(shop.judge.taken_back | shop.judge.gone)
    found = [each for each in found if shop.judge.would_be_issued(each)]
    if shop.testing or not found:
        return f"{shop.tenant.id}: nothing is wanted again"
    number = run.whims.choice(found)
    sale = await shop.tenant.sale(number)
    if sale is None or sale["status"] != "cancelled":
        return f"{number} is not cancelled yet"
    said = await _asked(shop, number, "issue")
    if not said:
        shop.judge.taken_back.discard(number)
        shop.judge.gone.discard(number)
        shop.judge.passed.discard(number)
    return f"{number} wanted again: {said or 'accepted'}"


async def amount_chosen(run: Campaign, shop: Shop) -> str:
    """The way out where lines and bill disagree."""
    found = [
        bill
        for bill in shop.account.bills.values()
        if bill["status"] == "paid"
        and lines_of(bill) != bill["amount"]
        and not shop.judge.is_spoken_for(bill["id"])
        and bill["id"] not in shop.judge.chosen
    ]
    if shop.testing or not found or shop.judge.rule["issue_when"] != "bill_paid":
        return f"{shop.tenant.id}: no amount to choose"
    bill = run.whims.choice(found)
    amount = run.whims.choice(("lines", "bill"))
    said = await _asked(shop, bill["id"], "issue", amount=amount)
    if not said:
        chosen = lines_of(bill) if amount == "lines" else bill["amount"]
        shop.judge.chosen[bill["id"]] = chosen
    return f"{bill['id']} at the amount of its {amount}: {said or 'accepted'}"


async def _asked(shop: Shop, number: int, action: str, **more: Any) -> str:
    """What it was refused with; "" where it was accepted."""
    body = {"reason": "pedido do cliente", **more}
    try:
        await shop.tenant.call("POST", f"/sales/{number}/{action}", body)
    except Refused as refused:
        if refused.status not in {404, 409}:
            raise
        return refused.code or str(refused.status)
    return ""


ALL: tuple[Change, ...] = (taken_back, taken_back, wanted_again, amount_chosen)
