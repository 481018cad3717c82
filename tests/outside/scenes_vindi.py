"""Scenes at Vindi: each in a shop of its own, all at once in one town."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.outside.town import Shop, Town, ago
from tests.outside.vindi import moves
from tests.outside.vindi.hookshot import as_text
from tests.outside.vindi.records import midnight

# Values that no bill of Vindi's has, and that one answer too many will have: field, value.
ABSURD: tuple[tuple[str, Any], ...] = (
    ("amount", "1e400"),
    ("amount", "NaN"),
    ("amount", "-5.0"),
    ("amount", "99999999999999999.0"),
    ("amount", None),
    ("status", "congelada"),
    ("status", None),
    ("charges", None),
    ("charges", [None]),
    ("bill_items", None),
    ("bill_items", [{}]),
    ("created_at", "0001-01-01T00:00:00.000-03:00"),
    ("created_at", "ontem"),
    ("updated_at", None),
    ("customer", None),
    ("customer", {"id": None}),
    ("code", 4711),
    ("code", "x" * 5000),
    ("metadata", [["a", 1]]),
    ("period", []),
    ("subscription", "61"),
    ("installments", "muitas"),
)
HARMLESS = frozenset({"code", "metadata", "period", "subscription", "installments"})


async def a_sale_that_cannot_be_read_hurts_only_itself(town: Town, shop: Shop) -> None:
    odd = []
    for name, value in ABSURD:
        bill = shop.sold()
        bill[name] = value
        odd.append((name, value, bill["id"]))
    whole = [shop.sold() for _ in range(5)]
    far = shop.sold()
    far["charges"][0]["paid_at"] = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    await shop.tell()
    for bill in whole:
        await shop.tenant.issued(bill["id"])
    ends = {"issued", "held", "skipped", "denied", "waiting_payment"}
    for name, value, number in [*odd, ("paid_at", "9999", far["id"])]:
        sale = await shop.tenant.until(number, lambda one: one["status"] in ends, within=60)
        if name in HARMLESS:
            assert sale["status"] == "issued", (name, value, sale)
        elif sale["status"] == "issued":
            nota = shop.company.by_external_id(sale["nota"]["external_id"])
            assert nota is not None
            assert Decimal(str(nota.body["valorTotal"])) == 100, (name, value, nota.body)


async def a_bill_answered_422_is_held_alone(town: Town, shop: Shop) -> None:
    poison = shop.sold()
    town.vindi.weather.order("422", "GET", f"/bills/{poison['id']}", times=1000)
    others = [shop.sold() for _ in range(4)]
    await shop.tell()
    for bill in others:
        await shop.tenant.issued(bill["id"])
    await shop.tenant.until(poison["id"], lambda sale: sale["status"] in {"issued", "held"})


async def filters_that_are_not_listened_to(town: Town, shop: Shop) -> None:
    shop.account.readings.ignored = ("charge_id", "id", "customer_id", "bill_id", "updated_at")
    bills = [shop.sold(customer=shop.account.add_customer()) for _ in range(30)]
    moves.refund(shop.account, bills[0])
    moves.refund(shop.account, bills[1], Decimal("10.00"))
    await shop.tell()
    await shop.settled()


async def alternatives_that_are_refused(town: Town, shop: Shop) -> None:
    shop.account.readings.or_ids = "refused"
    shop.account.readings.totals = False
    bills = [shop.sold(customer=shop.account.add_customer()) for _ in range(30)]
    moves.refund(shop.account, bills[0])
    await shop.tell()
    await shop.settled()


async def pages_that_repeat_without_totals(town: Town, shop: Shop) -> None:
    shop.account.readings.totals = False
    shop.account.readings.pages = "repeat"
    bills = [shop.sold() for _ in range(3)]
    for _ in range(60):
        shop.sold()
    shop.account.news = [("bill_paid", each) for each in bills]
    await shop.tell()
    for bill in bills:
        await shop.tenant.issued(bill["id"])
    town.vindi.asked.clear()
    await asyncio.sleep(8)
    assert len([each for each in town.vindi.asked if "page=60" in each[1]]) == 0
    health = await shop.tenant.call("GET", "/health")
    assert health["status"] != "ok", health


async def a_firewall_for_a_while(town: Town, shop: Shop) -> None:
    first = shop.sold()
    town.vindi.weather.order("403 html", "GET", f"{first['id']}", times=6)
    await shop.tell()
    await shop.tenant.issued(first["id"], within=60)


async def no_money_no_buyer_no_address(town: Town, shop: Shop) -> None:
    account = shop.account
    for code in (None, "", "000.000.000-00", "123", "529.982.247-25", "12.abc.345/01de-35"):
        shop.sold(customer=account.add_customer(registry_code=code))
    blank = dict.fromkeys(shop.customer["address"])
    shop.sold(customer=account.add_customer(address=blank | {"country": "BR"}))
    shop.sold(customer=account.add_customer(address=None))
    shop.sold(customer=account.add_customer(phones=None, metadata=None, email=None, name="A"))
    shop.sold(customer=account.add_customer(name="   "))
    shop.sold(customer=account.add_customer(name=None))
    await shop.tell()
    numbers = list(account.bills)
    ends = [
        await shop.tenant.until(one, lambda sale: sale["status"] in {"issued", "held", "denied"})
        for one in numbers
    ]
    said = [(sale["status"], (sale["attention"] or {}).get("code")) for sale in ends]
    assert said[0] == said[1] == ("held", "customer_document_missing"), said
    assert said[2][0] == said[3][0] == "held", said
    assert said[4][0] == "issued", said
    assert said[6] == said[7] == ("held", "customer_address_incomplete"), said
    assert said[8][0] == "issued", said
    assert said[9][0] == said[10][0] == "held", said


async def events_as_middlemen_and_fixtures_have_them(town: Town, shop: Shop) -> None:
    bills = [shop.sold() for _ in range(8)]
    shop.account.news = []
    ids = [bill["id"] for bill in bills]
    bodies = [
        {"event": {"type": "bill_paid", "data": {"bill": {"id": str(ids[0])}}}},
        {"event": {"data": {"bill": {"id": ids[1]}}, "type": "bill_paid"}},
        {"event": {"type": "nova_coisa", "created_at": None, "data": {"bill": {"id": ids[2]}}}},
        {"event": {"type": "charge_created", "data": {"charge": {"bill": {"id": ids[3]}}}}},
        {
            "event": {
                "type": "charge_paid",
                "created_at": "2026-11-30T01:00:00Z",
                "data": {"charge": {"id": 1, "bill": {"id": ids[4], "code": ""}}},
            }
        },
        [{"event": {"type": "bill_paid", "data": {"bill": {"id": ids[5]}}}}],
    ]
    for body in bodies:
        assert await shop.hookshot.post(as_text(body)) == 200
    assert await shop.hookshot.post(b"\xef\xbb\xbf" + as_text(bodies[1])) == 200
    for raw in (
        b"",
        b"{",
        b"null",
        b"[]",
        b'{"event":null}',
        b'{"event":{"type":"test"}}',
        b"\xff",
    ):
        assert await shop.hookshot.post(raw) == 200
    for number in ids:
        await shop.tenant.issued(number)


async def an_event_is_known_at_once(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    await shop.tell()
    assert await shop.tenant.sale(bill["id"]) is not None
    await shop.tenant.issued(bill["id"])


async def a_payment_on_a_stale_replica(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    shop.account.hidden[bill["id"]] = time.monotonic() + 5
    await shop.tell()
    await shop.tenant.issued(bill["id"], within=90)


async def touched_after_the_activation(town: Town, shop: Shop) -> None:
    """Paid before it, touched since: nobody's but the former integration's."""
    account = shop.account
    old = []
    for method in ("credit_card", "online_bank_slip", "pix"):
        bill = shop.sell(method=method, at=ago(days=12))
        moves.pay(account, bill, recorded_at=ago(days=10))
        old.append(bill)
    account.news = []
    for bill in old:
        bill["charges"][0]["updated_at"] = datetime.now(UTC)
        bill["updated_at"] = datetime.now(UTC)
    moves.reject(account, old[0])
    second = moves.add_charge(account, old[1])
    moves.pay(account, old[1], charge=second)
    account.news.append(("bill_paid", old[2]))
    await shop.tell()
    for bill in old:
        sale = await shop.tenant.until(
            bill["id"], lambda one: one["status"] in {"skipped", "held"}, within=60
        )
        code = sale.get("code") or (sale["attention"] or {}).get("code")
        assert code in {"before_activation", "activation_unclear"}, sale
    assert not shop.company.notas


async def a_boleto_that_became_known_after_the_activation(town: Town, shop: Shop) -> None:
    account = shop.account
    registered = shop.sell(method="online_bank_slip", at=ago(days=6))
    charge = registered["charges"][0]
    moves.add_transaction(account, charge, "charge", amount=charge["amount"], at=ago(days=6))
    transaction = charge["last_transaction"]
    known = datetime.now(UTC)
    charge.update(status="paid", paid_at=midnight(ago(days=3)), updated_at=known)
    transaction["updated_at"] = known
    registered.update(status="paid", updated_at=known)
    usual = shop.sell(method="online_bank_slip", at=ago(days=6))
    moves.pay(account, usual, paid_at=midnight(ago(days=3)), recorded_at=known)
    account.news = [("bill_paid", registered), ("bill_paid", usual)]
    await shop.tell()
    for bill in (registered, usual):
        await shop.tenant.issued(bill["id"], within=60)
    assert {str(each.body["dataCompetencia"])[:10] for each in shop.company.notas} == {
        f"{midnight(ago(days=3)):%Y-%m-%d}"
    }


async def nothing_was_heard(town: Town, shop: Shop) -> None:
    """Every event of these is lost."""
    bills = [shop.sold() for _ in range(60)]
    moves.refund(shop.account, bills[0])
    part = bills[1]
    await shop.tenant.issued(bills[5]["id"], within=60)
    moves.refund(shop.account, part, Decimal("1.00"))
    moves.refund(shop.account, bills[2], cancel_bill=True)
    shop.account.news = []
    await shop.settled(within=90)


async def pages_that_shift(town: Town, shop: Shop) -> None:
    """Old bills change while the list is read: rows come in before those already read."""
    account = shop.account
    old = [shop.sell(at=ago(minutes=100 - one)) for one in range(60)]
    for _ in range(80):
        shop.sold()
    account.news = []
    left = iter(old)
    before = town.vindi.on_page

    def turned(which: Any, name: str, page: int) -> None:
        if before is not None:
            before(which, name, page)
        if which is account and name == "bills":
            for bill in [next(left, None), next(left, None)]:
                if bill is not None:
                    moves.pay(account, bill)

    town.vindi.on_page = turned
    await asyncio.sleep(15)
    account.news = []
    for bill in left:
        moves.pay(account, bill)
    account.news = []
    await shop.settled(within=90)


async def twice_paid_and_given_back_once(town: Town, shop: Shop) -> None:
    """Two charges of one bill were paid by mistake: one of them is refunded whole."""
    bill = shop.sold()
    twice = moves.add_charge(shop.account, bill, method="pix")
    moves.pay(shop.account, bill, charge=twice)
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    shop.account.readings.full_refund = "canceled"
    moves.refund(shop.account, bill, charge=twice)
    await shop.tell()
    await asyncio.sleep(4)
    sale = await shop.tenant.sale(bill["id"])
    assert sale is not None
    assert sale["status"] == "issued", sale
    assert len(shop.company.valid()) == 1


Scene = Callable[[Town, Shop], Coroutine[Any, Any, None]]
SCENES: tuple[Scene, ...] = (
    a_sale_that_cannot_be_read_hurts_only_itself,
    a_bill_answered_422_is_held_alone,
    filters_that_are_not_listened_to,
    alternatives_that_are_refused,
    pages_that_repeat_without_totals,
    a_firewall_for_a_while,
    no_money_no_buyer_no_address,
    events_as_middlemen_and_fixtures_have_them,
    an_event_is_known_at_once,
    a_payment_on_a_stale_replica,
    touched_after_the_activation,
    a_boleto_that_became_known_after_the_activation,
    nothing_was_heard,
    pages_that_shift,
    twice_paid_and_given_back_once,
)
