"""Days and events at their edges: zones, months, windows, and each kind of event in each form."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.outside.product import a_rule
from tests.outside.scenes_people import backfilled
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, ago, this_month
from tests.outside.vindi import moves
from tests.outside.vindi.hookshot import as_text
from tests.outside.vindi.records import BRASILIA, Record, midnight

ZONES = ("America/Sao_Paulo", "America/Manaus", "America/Rio_Branco", "America/Noronha")


async def windows_in_every_zone(town: Town, shop: Shop) -> None:
    """A moment belongs to the local day of its tenant, to the second."""
    for number, zone in enumerate(ZONES):
        one = await town.open_shop(seed=shop.account.seed + 3100 + number)
        await town.product.call("PATCH", f"/tenants/{one.tenant.id}", {"timezone": zone})
        await _window(one, ZoneInfo(zone))


async def _window(shop: Shop, zone: ZoneInfo) -> None:
    first = (datetime.now(BRASILIA).replace(day=1) - timedelta(days=1)).replace(day=1).date()
    day = first + timedelta(days=9)
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    inside: list[Record] = []
    outside: list[Record] = []
    for offset, where in (
        (timedelta(seconds=-1), outside),
        (timedelta(), inside),
        (timedelta(hours=23, minutes=59, seconds=59), inside),
        (timedelta(hours=24), outside),
    ):
        where.append(_paid(shop, start + offset, "credit_card"))
    stated = datetime(day.year, day.month, day.day, tzinfo=BRASILIA)
    if zone == BRASILIA:  # a boleto is dated by Brasília's midnight
        inside.append(_paid(shop, stated, "online_bank_slip"))
        outside.append(_paid(shop, stated + timedelta(days=1), "online_bank_slip"))
        outside.append(_paid(shop, stated - timedelta(days=1), "online_bank_slip"))
    shop.account.news = []
    asked = {
        "since": f"{day}",
        "until": f"{day}",
        "dry_run": False,
        "competencia": "original",
        "requested_by": "maria",
        "reason": "troca",
    }
    run = await backfilled(shop, asked)
    assert (run["bills_total"], run["new"]) == (len(inside), len(inside)), (zone, run)
    assert [each["month"] for each in run["months"]] == [f"{day:%Y-%m}"], run
    wanted = {bill["id"]: bill["charges"][0]["paid_at"] for bill in inside}
    known = set(await shop.tenant.sales())
    missing = {number: f"{at}" for number, at in wanted.items() if number not in known}
    beside = [f"{bill['charges'][0]['paid_at']}" for bill in outside if bill["id"] in known]
    assert not missing, (zone, missing, beside, run)
    for bill in inside:
        await shop.tenant.issued(bill["id"])
    days = {str(nota.body["dataCompetencia"])[:10] for nota in shop.company.notas}
    assert days == {str(day)}, (zone, days)
    assert len(shop.company.notas) == len(inside), (zone, len(shop.company.notas))
    closing = await shop.tenant.closing(f"{day:%Y-%m}")
    assert closing["notas"]["bills"] == len(inside), closing


def _paid(shop: Shop, at: datetime, method: str) -> Record:
    bill = shop.sell(method=method, at=at - timedelta(days=2))
    moves.pay(shop.account, bill, paid_at=at, recorded_at=max(at, at.astimezone(UTC)))
    return bill


async def events_of_every_kind(town: Town, shop: Shop) -> None:
    """Each kind in each form is taken; those that name a bill, or its charge, are heard."""
    account = shop.account
    forms: list[tuple[str, Any]] = []
    bills = [shop.sold() for _ in range(6)]
    one, two, three, four, five, six = bills
    charge = {"id": six["charges"][0]["id"], "bill": {"id": six["id"]}}
    forms += [
        ("bill_seen", {"bill": {"id": one["id"]}}),
        ("issue_created", {"issue": {"item_type": "Charge", "item_id": two["charges"][0]["id"]}}),
        ("invoice_issued", {"invoice": {"id": 1, "bill": {"id": three["id"]}}}),
        ("period_created", {"period": {"id": 4, "bill": {"id": four["id"]}}}),
        ("bill_updated", {"bill": {"id": five["id"]}}),
        ("charge_created", {"charge": charge}),
        ("payment_profile_created", {"payment_profile": {"id": 5}}),
        ("message_seen", {"message": {"id": 5, "charge": {"id": 1}}}),
        ("subscription_canceled", {"subscription": {"id": 5, "bills": None}}),
        ("subscription_reactivated", {"subscription": []}),
        ("test", {"quote": {"content": "x" * 5000}}),
        ("", {}),
        ("bill_paid", {}),
        ("bill_paid", []),
        ("bill_paid", {"bill": []}),
        ("bill_paid", {"bill": {"id": [1]}}),
        ("bill_paid", {"bill": {"id": True}}),
        ("bill_paid", {"bill": {"id": 2**64}}),
        ("bill_paid", {"charge": charge}),
    ]
    account.news = []
    for kind, data in forms:
        for stamp in (f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}.123-03:00", None, "ontem", 5):
            body = {"event": {"type": kind, "created_at": stamp, "data": data}}
            assert await shop.hookshot.post(as_text(body)) == 200, (kind, data)
    odd: tuple[Any, ...] = (None, 7, [], {"a": 1}, "x" * 9000, "bill_paid\x00", "bill_paid ")
    for word in odd:
        body = {"event": {"type": word, "data": {"bill": {"id": one["id"]}}}}
        assert await shop.hookshot.post(as_text(body)) == 200, word
    for bill in bills:
        await shop.tenant.issued(bill["id"], within=60)
    await shop.settled()


async def moments_of_creation(town: Town, shop: Shop) -> None:
    """`billing_at`, coming alive, and being older than the activation, under `bill_created`."""
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="bill_created"))
    account = shop.account
    old = shop.sell(at=ago(days=2))
    scheduled = shop.sell(at=ago(days=9), billing_at=midnight(datetime.now(UTC)))
    waits = shop.sell(status="scheduled", at=ago(days=9))
    review = shop.sell(status="review", at=ago(days=9))
    await shop.tell()
    sale = await shop.tenant.until(old["id"], lambda one: one["status"] == "skipped")
    assert (sale.get("code") or sale["attention"]["code"]) == "before_activation", sale
    await asyncio.sleep(2)
    for bill in (waits, review):
        moves.approve(account, bill)
    moves.pay(account, old)
    await shop.tell()
    for bill in (waits, review):
        await shop.tenant.issued(bill["id"], within=60)
    sale = await shop.tenant.until(scheduled["id"], lambda one: one["status"] != "queued")
    code = sale.get("code") or (sale["attention"] or {}).get("code")
    assert (sale["status"], code) == ("skipped", "before_activation"), sale
    last = await shop.tenant.sale(old["id"])
    assert last is not None
    assert last["status"] == "skipped", last
    assert {str(nota.body["dataCompetencia"])[:7] for nota in shop.company.notas} == {this_month()}


async def guarantees_and_refunds_at_the_edge(town: Town, shop: Shop) -> None:
    """Ended or not, refunded in part or whole, before or after the nota, by each order."""
    rule = a_rule(issue_when="guarantee_ended", guarantee_days=3)
    await shop.tenant.call("PUT", "/rule", rule)
    shop.judge.rule = rule
    account = shop.account
    made: dict[str, Record] = {}
    for name, days in (("over", 4), ("last day", 3), ("young", 0)):
        for how in ("", "part", "whole", "charged back"):
            bill = shop.sell("100.00", method="online_bank_slip", at=ago(days=days + 1))
            moves.pay(account, bill, paid_at=midnight(ago(days=days)))
            made[f"{name} {how}".strip()] = bill
            if how == "part":
                moves.refund(account, bill, Decimal("1.00"))
            elif how == "whole":
                moves.refund(account, bill)
            elif how:
                moves.charge_back(account, bill)
    late = shop.sell("70.00", method="online_bank_slip", at=ago(days=6))
    moves.pay(account, late, paid_at=midnight(ago(days=5)))
    await shop.tell()
    await shop.tenant.issued(late["id"], within=60)
    moves.refund(account, late)
    moves.refund(account, made["over"], Decimal("99.99"))
    moves.refund(account, made["young"])
    await shop.tell()
    await shop.settled(within=90)


SCENES: tuple[Scene, ...] = (
    windows_in_every_zone,
    events_of_every_kind,
    moments_of_creation,
    guarantees_and_refunds_at_the_edge,
)
