"""Sales of before the activation: the former integration's, until they are asked for."""

import asyncio
from datetime import timedelta
from typing import Any

from tests.outside.product import Refused
from tests.outside.random_world import Campaign, Change
from tests.outside.town import Shop, ago
from tests.outside.vindi import moves
from tests.outside.vindi.records import BRASILIA, midnight

LEFT_OUT = frozenset({"before_activation", "activation_unclear"})
PATIENCE = 120.0  # seconds for an import, on a loaded machine


def give_a_past(run: Campaign, shop: Shop) -> None:
    """Paid in each way before the tenant was there; some of it is told of afterwards."""
    account = shop.account
    for days in (12, 9, 6, 4):
        bill = shop.sell(f"{10 + days}.10", at=ago(days=days + 1))
        moves.pay(account, bill, recorded_at=ago(days=days))
        shop.judge.past.add(bill["id"])
    for days in (8, 3):
        slip = shop.sell(f"{20 + days}.20", method="online_bank_slip", at=ago(days=days + 6))
        on = midnight(ago(days=days + 1))
        moves.pay(account, slip, paid_at=on, recorded_at=ago(days=days))
        shop.judge.past.add(slip["id"])
    open_one = shop.sell("31.30", method="online_bank_slip", at=ago(days=15))
    half = shop.sell("40.00", at=ago(days=14))
    half["charges"][0]["amount"] = half["amount"] / 2
    moves.add_charge(account, half, amount=half["amount"] / 2, at=ago(days=14))
    moves.pay(account, half, charge=half["charges"][0], recorded_at=ago(days=10))
    account.news = [each for each in account.news if run.whims.random() < 0.2]
    run.later(lambda: _pay(shop, open_one, days=1))
    run.later(lambda: _pay(shop, half, days=0))


def _pay(shop: Shop, bill: dict[str, Any], *, days: int) -> None:
    """Paid since: it is in the stream, however old the bill is."""
    if bill["status"] == "pending":
        charge = next((one for one in bill["charges"] if one["status"] == "pending"), None)
        if charge is not None:
            paid_at = midnight(ago(days=days)) if days else None
            moves.pay(shop.account, bill, charge=charge, paid_at=paid_at)


async def tried_again(run: Campaign, shop: Shop) -> str:
    """A late attempt at a charge that was paid before, or news of the bill as it is."""
    found = [shop.account.bills[each] for each in sorted(shop.judge.past)]
    if not found:
        return f"{shop.tenant.id} has no past"
    bill = run.whims.choice(found)
    if run.whims.random() < 0.5 and bill["status"] == "paid":
        moves.reject(shop.account, bill, charge=bill["charges"][0])
    bill["updated_at"] = ago()
    shop.account.news.append(("bill_paid", bill))
    return f"{bill['id']} of before is told of"


async def imported(run: Campaign, shop: Shop) -> str:
    """All that was before is asked for: from now on it is owed as any other sale."""
    if shop.judge.imported or not shop.judge.past:
        return f"{shop.tenant.id}: nothing to import"
    try:
        made = await shop.tenant.call("POST", "/backfills", asked())
    except Refused as refused:
        if refused.status not in {409, 502, 503}:
            raise
        return f"{shop.tenant.id}: import refused, {refused.code}"
    shop.judge.imported = True
    run.at_last(lambda: _ended(run, shop, made["id"]))
    return f"{shop.tenant.id}: the past is imported"


async def _ended(run: Campaign, shop: Shop, number: str) -> str:
    """Until it has ended; one that failed in bad weather is asked for once more."""
    ended = await _until_ended(shop, number)
    if ended["status"] != "completed":
        run.say(f"{shop.tenant.id}: import failed, {ended['error']}")
        made = await shop.tenant.call("POST", "/backfills", asked())
        ended = await _until_ended(shop, made["id"])
    assert ended["status"] == "completed", ended
    shop.judge.asked_for = set(shop.account.bills)
    return f"{shop.tenant.id}: imported {ended['new']} and {ended['known']}"


async def nothing_is_new(shop: Shop) -> None:
    """The same import once more brings nothing in but what the stream has left out since."""
    if shop.judge.imported:
        sales = (await shop.tenant.sales()).values()
        left_out = [each for each in sales if each["code"] in LEFT_OUT]
        made = await shop.tenant.call("POST", "/backfills", asked())
        ended = await _until_ended(shop, made["id"])
        assert ended["status"] == "completed", ended
        assert ended["new"] <= len(left_out), (ended, left_out)


async def _until_ended(shop: Shop, number: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            run = await shop.tenant.product.patient_call("GET", f"/backfills/{number}")
            if run["status"] not in {"queued", "running"}:
                return dict(run)
            await asyncio.sleep(0.3)


def asked() -> dict[str, Any]:
    since = ago().astimezone(BRASILIA) - timedelta(days=25)
    return {
        "since": f"{since:%Y-%m-%d}",
        "dry_run": False,
        "competencia": "original",
        "requested_by": "maria",
        "reason": "troca de sistema",
    }


ALL: tuple[Change, ...] = (tried_again, tried_again, imported)
