"""Scenes in which somebody comes in between: while Vindi is read, while an answer is in doubt."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from tests.outside.enotas.records import Nota, webhook
from tests.outside.product import a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, this_month
from tests.outside.vindi import moves
from tests.outside.wire import Dress


async def what_comes_while_a_bill_is_read(town: Town, shop: Shop) -> None:
    """Reading takes seconds; a hold, a refund and a pause come meanwhile: nothing leaves."""
    held, refunded = shop.sell(), shop.sell("60.00")
    await shop.tell()
    for bill in (held, refunded):
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "waiting_payment")
    for bill in (held, refunded):
        moves.pay(shop.account, bill)
    town.vindi.weather.order("very slow", "GET", str(held["id"]), times=6)
    town.vindi.weather.order("very slow", "GET", f"{shop.customer['id']}", times=6)
    await shop.tell()
    await asyncio.sleep(0.5)
    await shop.tenant.call("POST", f"/sales/{held['id']}/hold", {"reason": "espere"})
    moves.refund(shop.account, refunded)
    await shop.tell()
    await shop.tenant.until(held["id"], lambda one: one["status"] == "held")
    await shop.tenant.until(
        refunded["id"], lambda one: one["status"] in {"skipped", "cancelled"}, within=60
    )
    assert not any(str(held["id"]) in each.external_id for each in shop.company.notas)
    await shop.tenant.call("POST", f"/sales/{held['id']}/release", {"reason": "pronto"})
    await shop.settled()


async def taken_back_in_doubt_and_wanted_again(town: Town, shop: Shop) -> None:
    """The first request is taken late: whatever stands in the end is one nota, or is named."""
    shop.company.readings.forgets = 10.0
    shop.company.readings.repeated = "second"
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower())
    bill = shop.sold()
    await shop.tell()
    async with asyncio.timeout(30):
        while not shop.company.notas:
            await asyncio.sleep(0.05)
    await shop.tenant.call("POST", f"/sales/{bill['id']}/cancel", {"reason": "errada"})
    await shop.tenant.until(
        bill["id"], lambda one: one["status"] in {"skipped", "cancelled", "cancelling"}, within=60
    )
    await shop.tenant.call("POST", f"/sales/{bill['id']}/issue", {"reason": "mudei de ideia"})
    await shop.tenant.issued(bill["id"], within=60)
    await asyncio.sleep(8)
    closing = await shop.tenant.closing(this_month())
    if len(shop.company.valid()) != 1:
        assert not closing["balanced"], closing


async def given_back_in_doubt_and_taken_late(town: Town, shop: Shop) -> None:
    """Nothing was found in time, and no webhook tells that it was there: it is looked for."""
    shop.company.readings.forgets = 10.0
    town.enotas.hooks[shop.issuer_key].lost = 1.0
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower())
    bill = shop.sold()
    await shop.tell()
    async with asyncio.timeout(30):
        while not shop.company.notas:
            await asyncio.sleep(0.05)
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=90)
    assert [nota.status for nota in shop.company.notas] == ["Cancelada"]
    await shop.balanced()


async def told_of_where_nobody_issues_any_more(town: Town, shop: Shop) -> None:
    """A webhook says that it is there, its read lags, and the tenant goes on at another company."""
    shop.company.readings.forgets = 7.0
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower(), times=2)
    bill, second = shop.sold(), shop.sold("60.00")
    await shop.tell()
    async with asyncio.timeout(30):
        while len(shop.company.notas) < 2:
            await asyncio.sleep(0.05)
    before, other = shop.company, town.enotas.open_company(shop.issuer_key, seed=7000)
    issuer = {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": other.id,
        "environment": "Producao",
    }
    await shop.tenant.call("PUT", "/issuer", issuer)
    for one in (bill, second):
        await shop.tenant.issued(one["id"])
    assert (len(before.valid()), len(other.valid())) == (2, 0)
    shop.judge.companies.append(other)
    await shop.settled()


async def told_of_and_not_shown_yet(town: Town, shop: Shop) -> None:
    """The only webhook comes while a read still says 404, long after the last look-up."""
    shop.company.readings.forgets = 25.0
    hooks = town.enotas.hooks[shop.issuer_key]
    hooks.lost = 1.0
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower())
    bill = shop.sold()
    await shop.tell()
    async with asyncio.timeout(30):
        while not shop.company.notas:
            await asyncio.sleep(0.05)
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped", within=60)
    [nota] = shop.company.notas
    body = Dress().text(webhook(shop.company, nota))
    assert await town.enotas.deliver(hooks, body) == 200
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=90)
    assert nota.status == "Cancelada"


async def a_gateway_that_says_404_of_everything(town: Town, shop: Shop) -> None:
    """A proxy's own 404 proves no absence: what was taken is not sent again."""
    shop.company.readings.repeated = "second"
    company = shop.company.id.lower()
    town.enotas.weather.order("reset after", "POST", company)
    town.enotas.weather.order("404 gateway", "GET", f"{company}/nfes/porIdExterno", times=2)
    town.enotas.weather.order("404 html", "GET", f"{company}/nfes/porIdExterno", times=1)
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"], within=120)
    assert [nota.posts for nota in shop.company.notas] == [1]


async def a_gateway_that_refuses_the_key_for_a_moment(town: Town, shop: Shop) -> None:
    company = shop.company.id.lower()
    town.enotas.weather.order("401 gateway", "POST", company, times=1)
    town.enotas.weather.order("403 html", "POST", company, times=2)
    first = shop.sold()
    town.vindi.weather.order("401 gateway", "GET", str(first["id"]), times=1)
    town.vindi.weather.order("302", "GET", str(first["id"]), times=1)
    await shop.tell()
    await shop.settled(within=120)


async def hints_of_every_form(town: Town, shop: Shop) -> None:
    """Cancelled in the issuer's panel: no poll would tell soon, so that the hint has to be read."""
    bills = [shop.sold("10.00") for _ in range(9)]
    await shop.tell()
    await shop.settled()
    hooks = town.enotas.hooks[shop.issuer_key]
    forms = [_whole, _only_id, _only_external, _upper, _blank_external, _numbers, _lower_names]
    forms += [_unknown_status, _without_status]
    for bill, form in zip(bills, forms, strict=True):
        nota = next(one for one in shop.company.notas if str(bill["id"]) in one.external_id)
        nota.become("Cancelada")
        nota.cancelled_at = datetime.now(UTC)
        body = Dress().text(form(webhook(shop.company, nota), nota))
        assert await town.enotas.deliver(hooks, body) == 200, form
    for bill, form in zip(bills, forms, strict=True):
        try:
            await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled")
        except AssertionError as wrong:
            raise AssertionError(f"{form.__name__}: {wrong}") from None


def _whole(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {"novo": [1], **dict(reversed(body.items()))}


def _only_id(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {key: body[key] for key in ("empresaId", "nfeId", "nfeStatus")}


def _only_external(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {key: body[key] for key in ("nfeIdExterno", "nfeStatus")}


def _upper(body: dict[str, Any], nota: Nota) -> dict[str, Any]:
    return {**body, "empresaId": body["empresaId"].upper(), "nfeId": nota.id.upper()}


def _blank_external(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {**body, "nfeIdExterno": ""}


def _numbers(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {**body, "nfeNumero": 12, "nfeNumeroRps": 8964, "nfeMotivoStatus": {"a": 1}}


def _lower_names(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {key.lower(): value for key, value in body.items()}


def _unknown_status(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {**body, "nfeStatus": "EmAnalise"}


def _without_status(body: dict[str, Any], _nota: Nota) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "nfeStatus"}


async def a_refund_that_is_not_final(town: Town, shop: Shop) -> None:
    """Processing for a while, then done: known to the end, though no event tells of it."""
    bill, failed = shop.sold(), shop.sold("44.00")
    await shop.tell()
    for one in (bill, failed):
        await shop.tenant.issued(one["id"])
    pending = moves.refund(shop.account, bill, status="processing")
    refused = moves.refund(shop.account, failed, status="processing")
    await shop.tell()
    await asyncio.sleep(5)
    for one in (bill, failed):
        sale = await shop.tenant.sale(one["id"])
        assert sale is not None
        assert sale["status"] == "issued", sale
    pending["status"], refused["status"] = "success", "rejected"
    pending["updated_at"] = refused["updated_at"] = datetime.now(UTC)
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=90)
    sale = await shop.tenant.sale(failed["id"])
    assert sale is not None
    assert sale["status"] == "issued", sale


async def a_rule_put_while_sales_wait(town: Town, shop: Shop) -> None:
    """Waiting for a guarantee under the old rule, due at once under the new one, and back."""
    long = a_rule(issue_when="guarantee_ended", guarantee_days=30)
    await shop.tenant.call("PUT", "/rule", long)
    bills = [shop.sold() for _ in range(5)]
    await shop.tell()
    for bill in bills:
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "in_guarantee")
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="manual"))
    for bill in bills:
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "held")
    await shop.tenant.call("PUT", "/rule", long)
    for bill in bills:
        sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "in_guarantee")
        assert sale["rule_version"] == 4, sale
    said = {"action": "release", "bill_ids": [bill["id"] for bill in bills], "reason": "x"}
    answer = await shop.tenant.call("POST", "/sales/actions", said)
    assert answer["accepted"] == 0, answer
    await shop.tenant.call("PUT", "/rule", a_rule())
    await shop.settled()


async def manual_sales_let_go_on(town: Town, shop: Shop) -> None:
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="manual"))
    one, two = shop.sold(), shop.sold()
    await shop.tell()
    for bill in (one, two):
        await shop.tenant.until(bill["id"], lambda each: each["status"] == "held")
    await shop.tenant.call("POST", f"/sales/{one['id']}/release", {"reason": "pode emitir"})
    await shop.tenant.issued(one["id"])
    said = {"action": "release", "code": "rule_manual", "reason": "todas"}
    assert (await shop.tenant.call("POST", "/sales/actions", said))["accepted"] == 1
    await shop.settled()


SCENES: tuple[Scene, ...] = (
    what_comes_while_a_bill_is_read,
    taken_back_in_doubt_and_wanted_again,
    given_back_in_doubt_and_taken_late,
    told_of_where_nobody_issues_any_more,
    told_of_and_not_shown_yet,
    a_gateway_that_says_404_of_everything,
    a_gateway_that_refuses_the_key_for_a_moment,
    hints_of_every_form,
    a_refund_that_is_not_final,
    a_rule_put_while_sales_wait,
    manual_sales_let_go_on,
)
