"""Scenes beside those that were seen: the same kinds of trouble, by another road."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

from tests.outside.enotas.records import webhook
from tests.outside.product import a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, ago, this_month
from tests.outside.vindi import moves
from tests.outside.vindi.records import BRASILIA

LEFT_OUT = frozenset({"before_activation", "activation_unclear"})


async def a_customer_that_cannot_be_read(town: Town, shop: Shop) -> None:
    """Whom Vindi answers 500 about, for ever: held or looked at again, and hurts nobody else."""
    buyer = shop.account.add_customer()
    poison = shop.sold(customer=buyer)
    buyer["name"], buyer["registry_code"] = {"first": "Ana"}, ["529"]
    others = [shop.sold() for _ in range(4)]
    await shop.tell()
    for bill in others:
        await shop.tenant.issued(bill["id"])
    ends = {"held", "issued", "denied"}
    await shop.tenant.until(poison["id"], lambda sale: sale["status"] in ends, within=60)


async def a_payment_of_the_year_one(town: Town, shop: Shop) -> None:
    first = datetime(1, 1, 2, tzinfo=BRASILIA)
    odd, others = shop.sold(), [shop.sold() for _ in range(3)]
    odd["charges"][0]["paid_at"] = first
    for each in shop.account.transactions.values():
        if each["charge"] == {"id": odd["charges"][0]["id"]}:
            each["created_at"] = first
    await shop.tell()
    for bill in others:
        await shop.tenant.issued(bill["id"])
    await shop.tenant.until(
        odd["id"], lambda sale: sale["status"] in {"held", "skipped", "issued"}, within=60
    )


async def a_month_is_locked_and_a_rule_put_while_a_bill_is_read(town: Town, shop: Shop) -> None:
    """As a hold and a refund are: what is committed meanwhile counts."""
    bill = shop.sell()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "waiting_payment")
    moves.pay(shop.account, bill)
    town.vindi.weather.order("very slow", "GET", str(bill["id"]), times=6)
    town.vindi.weather.order("very slow", "GET", f"{shop.customer['id']}", times=6)
    await shop.tell()
    await asyncio.sleep(0.5)
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="never"))
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped", within=60)
    assert not shop.company.notas


async def a_person_cancels_while_a_bill_is_read(town: Town, shop: Shop) -> None:
    bill = shop.sell()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "waiting_payment")
    moves.pay(shop.account, bill)
    town.vindi.weather.order("very slow", "GET", str(bill["id"]), times=6)
    town.vindi.weather.order("very slow", "GET", f"{shop.customer['id']}", times=6)
    await shop.tell()
    await asyncio.sleep(0.5)
    await shop.tenant.call("POST", f"/sales/{bill['id']}/cancel", {"reason": "engano"})
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped", within=60)
    await asyncio.sleep(3)
    assert not shop.company.valid()


async def an_issued_nota_that_the_issuer_lost(town: Town, shop: Shop) -> None:
    """It says 404 of what it had authorised: no other is made, and the closing says so."""
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    await shop.balanced()
    [nota] = shop.company.notas
    told = webhook(shop.company, nota)
    shop.company.notas.remove(nota)
    hooks = town.enotas.hooks[shop.issuer_key]
    assert await town.enotas.deliver(hooks, json.dumps(told, default=str).encode()) == 200
    later = shop.sold("50.00")
    await shop.tell()
    await shop.tenant.issued(later["id"])
    await asyncio.sleep(5)
    sale = await shop.tenant.sale(bill["id"])
    assert sale is not None
    assert sale["status"] == "issued", sale
    assert not any(str(bill["id"]) in each.external_id for each in shop.company.notas)
    closing = await shop.tenant.closing(this_month())
    async with asyncio.timeout(60):
        while closing["balanced"]:
            await asyncio.sleep(1)
            closing = await shop.tenant.closing(this_month())
    assert closing["issuer"]["differences"] >= 1, closing


async def denied_again_after_it_was_authorised(town: Town, shop: Shop) -> None:
    """A copy of before, with a newer webhook: what the issuer shows now counts."""
    shop.company.fate = lambda _nota: "Certificado digital vencido."
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda each: each["status"] == "denied")
    [nota] = shop.company.notas
    before = nota.changed_at
    shop.company.fate = lambda _nota: ""
    nota.reason = None
    nota.become("AguardandoAutorizacao")
    town.enotas.start(town.enotas.issue(shop.issuer_key, shop.company, nota))
    await shop.tenant.issued(bill["id"])
    status, at = nota.status, nota.changed_at
    nota.status, nota.changed_at, nota.reason = "Negada", before, "Certificado digital vencido."
    await town.enotas.tell(shop.issuer_key, shop.company, nota)
    await asyncio.sleep(2)
    nota.status, nota.changed_at, nota.reason = status, at, None
    await town.enotas.tell(shop.issuer_key, shop.company, nota)
    await shop.tenant.issued(bill["id"])
    await shop.settled()


async def paid_before_the_activation_undone_and_paid_again(town: Town, shop: Shop) -> None:
    """Known as such, then whatever may happen to it: it stays out, or a person is asked."""
    account, old = shop.account, []
    for _ in range(4):
        bill = shop.sell(at=ago(days=12))
        moves.pay(account, bill, recorded_at=ago(days=10))
        old.append(bill)
    account.news = [("bill_paid", bill) for bill in old]
    await shop.tell()
    for bill in old:
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped")
    given_back, undone, edited, more = old
    moves.refund(account, given_back)
    moves.unpay(account, undone)
    second = moves.add_charge(account, more)
    account.news += [("bill_paid", bill) for bill in old]
    await shop.tell()
    await asyncio.sleep(3)
    third = moves.add_charge(account, given_back)
    given_back["status"] = "pending"
    moves.pay(account, given_back, charge=third)
    moves.pay(account, undone)
    edited["bill_items"][0]["description"] = "Outro texto"
    edited["updated_at"] = datetime.now(UTC)
    moves.pay(account, more, charge=second)
    account.news += [("bill_paid", bill) for bill in old]
    await shop.tell()
    await asyncio.sleep(6)
    for place, bill in enumerate(old):
        sale = await shop.tenant.sale(bill["id"])
        assert sale is not None
        code = sale.get("code") or (sale["attention"] or {}).get("code")
        assert code in LEFT_OUT | {"refunded"}, (place, sale)
    assert not shop.company.notas


async def two_charges_of_which_one_was_paid_before(town: Town, shop: Shop) -> None:
    """Half before the activation, half after: paid in full by what was recorded after it."""
    account = shop.account
    bill = shop.sell(at=ago(days=12))
    bill["charges"][0]["amount"] = bill["amount"] / 2
    moves.add_charge(account, bill, amount=bill["amount"] / 2, at=ago(days=12))
    moves.pay(account, bill, charge=bill["charges"][0], recorded_at=ago(days=10))
    account.news = []
    moves.pay(account, bill, charge=bill["charges"][1])
    await shop.tell()
    await shop.tenant.issued(bill["id"], within=60)
    await shop.settled()


async def left_out_by_a_rule_that_counts_the_creation(town: Town, shop: Shop) -> None:
    """Sold before the activation and paid after it: owed again once payments count again."""
    half, whole, unpaid = (shop.sell(at=ago(days=14)) for _ in range(3))
    half["charges"][0]["amount"] = half["amount"] / 2
    moves.add_charge(shop.account, half, amount=half["amount"] / 2, at=ago(days=14))
    moves.pay(shop.account, half, charge=half["charges"][0], recorded_at=ago(days=10))
    old = shop.sell(at=ago(days=14))
    moves.pay(shop.account, old, recorded_at=ago(days=10))
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="never"))
    for bill in (half, whole):
        moves.pay(shop.account, bill, charge=bill["charges"][-1])
    await shop.tell()
    for bill in (half, whole, unpaid, old):
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped")
    await shop.tenant.call("PUT", "/rule", a_rule())
    for bill in (half, whole):
        await shop.tenant.issued(bill["id"])
    await shop.tenant.until(unpaid["id"], lambda one: one["status"] == "waiting_payment")
    sale = await shop.tenant.sale(old["id"])
    assert sale is not None
    assert sale["status"] == "skipped", sale
    assert len(shop.company.notas) == 2


async def an_html_404_of_the_account_for_a_while(town: Town, shop: Shop) -> None:
    """As the firewall's 403: transient, whichever status it takes."""
    town.vindi.weather.order("404 html", "GET", "", times=40)
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"], within=90)
    assert (await shop.tenant.call("GET"))["status"] == "active"


async def cancelled_at_the_issuer_while_ours_is_refused(town: Town, shop: Shop) -> None:
    """A refused cancellation, then its own panel cancels it: believed, and nothing is open."""
    shop.company.readings.cancel_takes = "refused by city"
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancel_refused")
    [nota] = shop.company.notas
    nota.become("Cancelada")
    nota.cancelled_at = datetime.now(UTC) + timedelta(seconds=1)
    await town.enotas.tell(shop.issuer_key, shop.company, nota)
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=60)
    await shop.balanced()


SCENES: tuple[Scene, ...] = (
    a_customer_that_cannot_be_read,
    a_payment_of_the_year_one,
    a_month_is_locked_and_a_rule_put_while_a_bill_is_read,
    a_person_cancels_while_a_bill_is_read,
    an_issued_nota_that_the_issuer_lost,
    denied_again_after_it_was_authorised,
    paid_before_the_activation_undone_and_paid_again,
    two_charges_of_which_one_was_paid_before,
    left_out_by_a_rule_that_counts_the_creation,
    an_html_404_of_the_account_for_a_while,
    cancelled_at_the_issuer_while_ours_is_refused,
)
