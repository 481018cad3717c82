"""Bills of two services whose notas fare differently: denied, cancelled, moved, given back."""

import asyncio
from decimal import Decimal
from typing import Any

from tests.outside.enotas.records import Nota
from tests.outside.product import SERVICE, a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town
from tests.outside.vindi import moves
from tests.outside.vindi.records import Record

COURSE = {**SERVICE, "municipal_code": "05762", "lc116": "8.02"}


async def _divided(shop: Shop) -> Record:
    """A paid bill of 60.00 of the usual service and 40.00 of another, told of."""
    rule = a_rule(services_by_product_code={"CURSO": COURSE})
    if shop.judge.rule != rule:
        await shop.tenant.call("PUT", "/rule", rule)
        shop.judge.rule = rule
    lines: list[moves.Line] = [(shop.product, "60.00"), (shop.course, "40.00")]
    bill = moves.sell(shop.account, shop.customer, lines)
    moves.pay(shop.account, bill)
    await shop.tell()
    return bill


def _course(nota: Nota) -> bool:
    return bool(nota.body["servico"]["codigoServicoMunicipio"] == "05762")


def _valid(shop: Shop) -> list[Decimal]:
    return sorted(Decimal(str(nota.body["valorTotal"])) for nota in shop.company.valid())


async def one_denied_then_all_given_back(town: Town, shop: Shop) -> None:
    shop.company.fate = lambda nota: "Item da lista inválido." if _course(nota) else ""
    bill = await _divided(shop)
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "denied")
    assert _valid(shop) == [60]
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.settled(within=60)
    await shop.balanced()


async def one_denied_then_sent_again(town: Town, shop: Shop) -> None:
    shop.company.fate = lambda nota: "Item da lista inválido." if _course(nota) else ""
    bill = await _divided(shop)
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "denied")
    shop.company.fate = lambda _nota: ""
    await shop.tenant.call("POST", f"/sales/{bill['id']}/retry", {"reason": "corrigido"})
    await shop.tenant.issued(bill["id"])
    assert _valid(shop) == [40, 60]
    closing = await shop.balanced()
    assert closing["notas"]["amount"] == "100.00", closing


async def one_denied_and_the_company_changed(town: Town, shop: Shop) -> None:
    """Whichever company takes the second part in the end, each part is valid once."""
    shop.company.fate = lambda nota: "Item da lista inválido." if _course(nota) else ""
    bill = await _divided(shop)
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "denied")
    other = town.enotas.open_company(shop.issuer_key, seed=7_000_000 + shop.company.seed)
    await shop.tenant.call("PUT", "/issuer", _issuer(shop, other.id))
    shop.company.fate = lambda _nota: ""
    await shop.tenant.call("POST", f"/sales/{bill['id']}/retry", {"reason": "corrigido"})
    await shop.tenant.issued(bill["id"], within=60)
    notas = [*shop.company.valid(), *other.valid()]
    assert sorted(nota.body["valorTotal"] for nota in notas) == [40, 60]
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=60)
    assert not [*shop.company.valid(), *other.valid()]
    await shop.balanced()


async def one_cancelled_and_the_other_stands(town: Town, shop: Shop) -> None:
    bill = await _divided(shop)
    sale = await shop.tenant.issued(bill["id"])
    said = {"reason": "errada", "part": 2}
    await shop.tenant.call("POST", f"/sales/{bill['id']}/cancel", said)
    async with asyncio.timeout(30):
        while len(shop.company.valid()) != 1:
            await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    closing: dict[str, Any] = await shop.balanced()
    assert closing["notas"]["amount"] in {"40.00", "60.00"}, (closing, sale)
    await shop.tenant.call("POST", f"/sales/{bill['id']}/issue", said)
    async with asyncio.timeout(30):
        while len(shop.company.valid()) != 2:
            await asyncio.sleep(0.1)
    await shop.tenant.issued(bill["id"])
    assert _valid(shop) == [40, 60]
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.settled(within=60)


async def one_that_the_city_keeps(town: Town, shop: Shop) -> None:
    """Given back: one part is cancelled, the city keeps the other, and the closing says so."""
    shop.company.keeps = lambda nota: "Prazo de cancelamento expirado" if _course(nota) else ""
    bill = await _divided(shop)
    await shop.tenant.issued(bill["id"])
    moves.refund(shop.account, bill)
    await shop.tell()
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancel_refused")
    async with asyncio.timeout(30):
        while _valid(shop) != [40]:
            await asyncio.sleep(0.1)
    assert sale["attention"]["code"] == "cancel_deadline", sale
    closing = await shop.balanced()
    assert closing["notas"]["amount"] == "40.00", closing


async def answers_lost_of_each_part(town: Town, shop: Shop) -> None:
    shop.company.readings.repeated = "second"
    for kind in ("reset after", "500 after", "cut", "empty 200"):
        town.enotas.weather.order(kind, "POST", shop.company.id.lower())
    first, second = await _divided(shop), await _divided(shop)
    moves.refund(shop.account, second)
    await shop.tell()
    await shop.tenant.issued(first["id"], within=60)
    await shop.settled(within=60)
    assert {nota.posts for nota in shop.company.notas} == {1}


def _issuer(shop: Shop, company: str) -> dict[str, Any]:
    return {
        "kind": "enotas",
        "api_key": shop.issuer_key,
        "company_id": company,
        "environment": "Producao",
    }


SCENES: tuple[Scene, ...] = (
    one_denied_then_all_given_back,
    one_denied_then_sent_again,
    one_denied_and_the_company_changed,
    one_cancelled_and_the_other_stands,
    one_that_the_city_keeps,
    answers_lost_of_each_part,
)
