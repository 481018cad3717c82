"""Scenes at the issuer: each in a shop of its own, all at once in one town."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.outside.enotas.records import Company, Nota
from tests.outside.product import Refused, a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, this_month
from tests.outside.vindi import moves


async def cancelled_in_the_issuers_own_panel(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    nota = await _settled(shop.company)
    nota.become("Cancelada")
    nota.cancelled_at = datetime.now(UTC)
    await town.enotas.tell(shop.issuer_key, shop.company, nota)
    await shop.tenant.until(bill["id"], lambda sale: sale["status"] == "cancelled")


async def denied_and_sent_again_in_the_issuers_panel(town: Town, shop: Shop) -> None:
    shop.company.fate = lambda _nota: "Certificado digital vencido."
    bill, refunded = shop.sold(), shop.sold()
    await shop.tell()
    for one in (bill, refunded):
        sale = await shop.tenant.until(one["id"], lambda each: each["status"] == "denied")
        assert sale["attention"]["code"] == "denied_certificate"
    shop.company.fate = lambda _nota: ""
    for nota in shop.company.notas:
        nota.reason = None
        nota.become("AguardandoAutorizacao")
        town.enotas.start(town.enotas.issue(shop.issuer_key, shop.company, nota))
    await shop.tenant.issued(bill["id"])
    await shop.tenant.issued(refunded["id"])
    moves.refund(shop.account, refunded)
    await shop.tell()
    await shop.settled()


async def authorised_but_its_pdf_takes_time(town: Town, shop: Shop) -> None:
    """Valid before the law already; DELETE is answered 400 until it is `Autorizada`."""
    shop.company.step = 4.0
    bill, refunded = shop.sold(), shop.sold("70.00")
    await shop.tell()
    async with asyncio.timeout(60):
        while any(nota.number is None for nota in shop.company.notas) or not shop.company.notas:
            await asyncio.sleep(0.2)
    moves.refund(shop.account, refunded)
    await shop.tell()
    await shop.tenant.issued(bill["id"], within=60)
    shop.company.step = 0.05
    await shop.settled(within=90)


async def a_cancellation_that_the_account_blocks(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    town.enotas.weather.order("400 account", "DELETE", shop.company.id.lower(), times=1)
    moves.refund(shop.account, bill)
    await shop.tell()
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancel_refused")
    assert sale["attention"]["code"] == "cancel_account", sale
    await shop.tenant.call("POST", f"/sales/{bill['id']}/cancel", {"reason": "pago agora"})
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=60)


async def a_cancellation_answered_404_once(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    town.enotas.weather.order("404 empty", "DELETE", shop.company.id.lower(), times=1)
    moves.refund(shop.account, bill)
    await shop.tell()
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancel_refused")
    assert sale["attention"]["code"] == "cancel_not_found", sale["timeline"]
    assert sale["looks_again_at"] is not None, sale
    await shop.tenant.call("POST", f"/sales/{bill['id']}/retry", {"reason": "de novo"})
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled")


async def a_city_that_cannot_cancel(town: Town, shop: Shop) -> None:
    shop.company.readings.cancel_takes = "not supported"
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    await shop.tenant.call("POST", f"/sales/{bill['id']}/cancel", {"reason": "errada"})
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancel_refused")
    body = {"exists": False, "reason": "cancelada no portal da prefeitura"}
    await shop.tenant.call("POST", f"/sales/{bill['id']}/state-nota", body)
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled")
    await shop.tenant.call("POST", f"/sales/{bill['id']}/issue", {"reason": "de novo"})
    sale = await shop.tenant.issued(bill["id"])
    assert sale["nota"]["external_id"].endswith("-2"), sale


async def a_city_that_refuses_a_cancellation(town: Town, shop: Shop) -> None:
    shop.company.readings.cancel_takes = "refused by city"
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    moves.refund(shop.account, bill)
    await shop.tell()
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancel_refused")
    assert sale["attention"], sale
    closing = await shop.balanced()
    assert closing["notas"]["bills"] == 1, closing


async def webhooks_that_contradict_the_nota(town: Town, shop: Shop) -> None:
    hooks = town.enotas.hooks[shop.issuer_key]
    hooks.contradicts, hooks.doubled, hooks.content_type = True, 1.0, None
    shop.sold()
    refunded = shop.sold()
    await shop.tell()
    await asyncio.sleep(2)
    moves.refund(shop.account, refunded)
    await shop.tell()
    await shop.settled()


async def a_lost_request_and_pages_in_place_of_404(town: Town, shop: Shop) -> None:
    """HTML with 404 proves nothing: the sale is in doubt, visibly, and goes out once told."""
    shop.company.readings.absent = "html"
    town.enotas.weather.order("reset", "POST", shop.company.id.lower())
    bill = shop.sold()
    await shop.tell()
    await asyncio.sleep(8)
    sale = await shop.tenant.sale(bill["id"])
    assert sale is not None
    assert (sale["status"], len(shop.company.notas)) in {("uncertain", 0), ("issued", 1)}, sale
    shop.company.readings.absent = "array"
    await shop.tenant.issued(bill["id"], within=90)


async def every_way_to_lose_an_answer(town: Town, shop: Shop) -> None:
    """Taken and its answer lost: looked up and never repeated, though a repeat doubles."""
    shop.company.readings.repeated = "second"
    kinds = ("reset after", "500 after", "502 html after", "cut", "garbage", "empty 200")
    for kind in kinds:
        town.enotas.weather.order(kind, "POST", shop.company.id.lower())
    for _ in (*kinds, "and one more"):
        shop.sold()
    await shop.tell()
    await shop.settled(within=90)
    assert {nota.posts for nota in shop.company.notas} == {1}


async def taken_and_forgotten_for_a_while(town: Town, shop: Shop) -> None:
    """The look-ups come too early; the repeat is refused, or is the same nota."""
    shop.company.readings.forgets = 8.0
    shop.company.readings.repeated = "same"
    town.enotas.weather.order("500 after", "POST", shop.company.id.lower(), times=2)
    shop.sold()
    shop.sold()
    await shop.tell()
    await shop.settled(within=120)


async def a_repeat_that_is_refused(town: Town, shop: Shop) -> None:
    shop.company.readings.forgets = 6.0
    shop.company.readings.repeated = "conflict"
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower())
    shop.sold()
    await shop.tell()
    await shop.settled(within=120)


async def the_company_is_changed_while_an_answer_is_lost(town: Town, shop: Shop) -> None:
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower())
    bill = shop.sold()
    await shop.tell()
    async with asyncio.timeout(30):
        while not shop.company.notas:
            await asyncio.sleep(0.05)
    other = town.enotas.open_company(shop.issuer_key, seed=9000 + shop.company.seed)
    changed = {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": other.id,
        "environment": "Producao",
    }
    await shop.tenant.call("PUT", "/issuer", changed)
    await shop.tenant.issued(bill["id"], within=60)
    later = shop.sold()
    await shop.tell()
    await shop.tenant.issued(later["id"])
    assert (len(shop.company.valid()), len(other.valid())) == (1, 1)
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=60)


async def a_list_that_caps_its_pages(town: Town, shop: Shop) -> None:
    shop.company.readings.list_most = 20
    shop.company.readings.list_filter = False
    for _ in range(50):
        shop.sold("10.00")
    await shop.tell()
    await shop.settled(within=90)
    closing = await shop.balanced()
    assert closing["issuer"]["notas"] == 50, closing


async def a_list_that_shows_little(town: Town, shop: Shop) -> None:
    shop.company.readings.list_rows = "short"
    shop.company.readings.stamps = "none"
    shop.company.readings.nulls = "absent"
    for _ in range(5):
        shop.sold("10.00")
    refunded = shop.sold("12.00")
    await shop.tell()
    await asyncio.sleep(3)
    moves.refund(shop.account, refunded)
    await shop.tell()
    await shop.settled(within=90)
    await shop.balanced()


async def what_only_the_issuer_has(town: Town, shop: Shop) -> None:
    """A nota made by hand in its panel, and one whose amount was changed there."""
    changed = shop.sold("100.00")
    shop.sold("50.00")
    await shop.tell()
    await shop.settled()
    await shop.balanced()
    nota = next(each for each in shop.company.notas if str(changed["id"]) in each.external_id)
    nota.body = {**nota.body, "valorTotal": 90.0}
    nota.changed_at = datetime.now(UTC)
    foreign = Nota(
        id=shop.company.new_id(),
        external_id="",
        body={**nota.body, "valorTotal": 33.0, "idExterno": None},
        status="AguardandoAutorizacao",
        created_at=datetime.now(UTC),
        changed_at=datetime.now(UTC),
    )
    shop.company.notas.append(foreign)
    town.enotas.start(town.enotas.issue(shop.issuer_key, shop.company, foreign))
    shop.sold("20.00")  # the month changes: the list is wanted anew
    await shop.tell()
    closing: dict[str, Any] = {}
    async with asyncio.timeout(60):
        while closing.get("issuer", {}).get("differences", 0) < 2:
            await asyncio.sleep(1)
            closing = await shop.tenant.closing(this_month())
    assert not closing["balanced"]


async def one_key_with_two_companies_and_one_address(town: Town, shop: Shop) -> None:
    """eNotas knows one webhook an account: the other company's news come to the wrong tenant."""
    second = await town.open_shop(
        seed=shop.company.seed + 500, key=shop.issuer_key, confirm=("issuer_key_elsewhere",)
    )
    assert town.enotas.hooks[shop.issuer_key].url == shop.tenant.issuer_webhook
    for one in (shop, second):
        one.sold()
        await one.tell()
    await shop.settled()
    await second.settled(within=90)


async def from_tests_to_real_notas(town: Town, shop: Shop) -> None:
    issuer = {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": shop.company.id,
        "environment": "Homologacao",
    }
    await shop.tenant.call("PUT", "/issuer", issuer)
    bills = [shop.sold() for _ in range(3)]
    await shop.tell()
    for bill in bills:
        await shop.tenant.issued(bill["id"])
    closing = await shop.tenant.closing(this_month())
    assert closing["environment"] == "Homologacao", closing
    assert closing["notas"]["bills"] == 0, closing
    await shop.tenant.call("PUT", "/issuer", {**issuer, "environment": "Producao"})
    for bill in bills:
        await shop.tenant.until(
            bill["id"], lambda one: (one["attention"] or {}).get("code") == "issued_as_test"
        )
    assert not shop.company.valid()
    for bill in bills[:2]:
        await shop.tenant.call("POST", f"/sales/{bill['id']}/release", {"reason": "valendo"})
    await shop.tenant.issued(bills[0]["id"])
    await shop.tenant.issued(bills[1]["id"])
    assert len(shop.company.valid()) == 2


async def one_account_at_two_tenants(town: Town, shop: Shop) -> None:
    company = town.enotas.open_company("b3V0cmEtY2hhdmU", seed=shop.company.seed + 700)
    with pytest.raises(Refused) as refused:
        await town.open_shop(
            seed=shop.company.seed + 700,
            account=shop.account,
            company=company,
            key="b3V0cmEtY2hhdmU",
        )
    assert refused.value.status == 409, refused.value
    assert "vindi_account_elsewhere" in str(refused.value.body), refused.value


async def what_is_asked_of_a_sale(town: Town, shop: Shop) -> None:
    """Actions that can do nothing say so; those of people are kept to."""
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    for action in ("retry", "issue", "release", "hold"):
        with pytest.raises(Refused) as refused:
            await shop.tenant.call("POST", f"/sales/{bill['id']}/{action}", {"reason": "x"})
        assert refused.value.status == 409, (action, refused.value)
        assert refused.value.code, (action, refused.value)
    open_one = shop.sell()
    await shop.tell()
    await shop.tenant.until(open_one["id"], lambda one: one["status"] == "waiting_payment")
    await shop.tenant.call("POST", f"/sales/{open_one['id']}/hold", {"reason": "espere"})
    moves.pay(shop.account, open_one)
    await shop.tell()
    held = await shop.tenant.until(open_one["id"], lambda one: one["status"] == "held")
    assert held["attention"]["code"] == "held_by_person", held
    await shop.tenant.call("POST", f"/sales/{open_one['id']}/release", {"reason": "pronto"})
    await shop.tenant.issued(open_one["id"])
    await shop.settled()


async def amounts_that_disagree(town: Town, shop: Shop) -> None:
    lines = [(shop.product, "100.00")]
    bills = [
        moves.sell(shop.account, shop.customer, lines, amount=Decimal("90.00")) for _ in range(3)
    ]
    for bill in bills:
        moves.pay(shop.account, bill)
    await shop.tell()
    for bill, amount in zip(bills, ("lines", "bill", "77.70"), strict=True):
        await shop.tenant.until(
            bill["id"], lambda one: (one["attention"] or {}).get("code") == "amount_mismatch"
        )
        body = {"reason": "conferido", "amount": amount}
        await shop.tenant.call("POST", f"/sales/{bill['id']}/issue", body)
        await shop.tenant.issued(bill["id"])
    amounts = sorted(Decimal(str(each.body["valorTotal"])) for each in shop.company.notas)
    assert amounts == [Decimal("77.7"), Decimal(90), Decimal(100)]


async def a_rule_that_changes_under_open_sales(town: Town, shop: Shop) -> None:
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="guarantee_ended", guarantee_days=7))
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "in_guarantee")
    moves.refund(shop.account, bill, Decimal("1.00"), status="processing")
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="never"))
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped")
    await shop.tenant.call("PUT", "/rule", a_rule())
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] in {"issued", "held"})
    assert sale["timeline"], sale


async def _settled(company: Company) -> Nota:
    async with asyncio.timeout(30):
        while not company.notas or company.notas[0].status != "Autorizada":
            await asyncio.sleep(0.05)
    return company.notas[0]


SCENES: tuple[Scene, ...] = (
    cancelled_in_the_issuers_own_panel,
    denied_and_sent_again_in_the_issuers_panel,
    authorised_but_its_pdf_takes_time,
    a_cancellation_that_the_account_blocks,
    a_cancellation_answered_404_once,
    a_city_that_cannot_cancel,
    a_city_that_refuses_a_cancellation,
    webhooks_that_contradict_the_nota,
    a_lost_request_and_pages_in_place_of_404,
    every_way_to_lose_an_answer,
    taken_and_forgotten_for_a_while,
    a_repeat_that_is_refused,
    the_company_is_changed_while_an_answer_is_lost,
    a_list_that_caps_its_pages,
    a_list_that_shows_little,
    what_only_the_issuer_has,
    one_key_with_two_companies_and_one_address,
    from_tests_to_real_notas,
    one_account_at_two_tenants,
    what_is_asked_of_a_sale,
    amounts_that_disagree,
    a_rule_that_changes_under_open_sales,
)
