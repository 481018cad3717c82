"""Siblings of the reported cases: the same mistake in another currency."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.outside.paper import wrong_with
from tests.outside.product import SERVICE, a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, ago
from tests.outside.vindi import moves
from tests.outside.vindi.records import Record

ENDS = frozenset({"issued", "held", "skipped", "denied", "waiting_payment", "cancelled"})
TEXTS = (
    "Ana\r\nMaria  da\tSilva",
    "  Loja – “do Zé” ",
    "Žofie Łukasz",
    "李小龙 Comércio",
    "Padaria 🍞 do João",
    "José da Silva",
    "A" * 74 + " B" * 40,
    "Rua " + "x" * 54 + " — fundos, casa 2",
    "\u200b\u200eInvisível\u202e",
    "<b>Negrito</b> &amp; Cia",
    "JosÃ© da ConceiÃ§Ã£o",
    "Fulano\x00de\x1fTal\x85\u2028Fim",
    "ﬁnanças Ⅻ ½",
    "-",
    ".",
    "?",
    "N/A",
    "null",
    "\u00a0",
    "\u3000",
    "x",
    "12345",
    "ÁÉÍÓÚ" * 300,
    "=cmd|' /C calc'!A0",
    "{produtos} {fatura}",
    "\ud83d",
)
PHONES: tuple[Any, ...] = (
    "+55 (11) 98765-4321",
    "0055 11 98765-4321",
    "011 3333-4444",
    "01533334444",
    "98765-4321",
    "0800 123 4567",
    "11 98765-4321 ramal 12",
    "+351 912 345 678",
    "+1 415 555 2671",
    "11987654321 / 11912345678",
    "(00) 00000-0000",
    "99999999999",
    "11111111111",
    11987654321,
    "５５１１９８７６５４３２１",
    "5511887654321",
    "",
    None,
)
EMAILS: tuple[Any, ...] = (
    "mailto:ana@loja.example",
    "Ana <ana@loja.example>",
    "ana@loja.example.",
    "ana @loja.example",
    "ana@loja.example,bia@loja.example",
    "ana@loja.example;",
    "ana@localhost",
    "ana@loja",
    "ANA@LOJA.EXAMPLE",
    "ana@[127.0.0.1]",
    '"ana maria"@loja.example',
    "joão@loja.example",
    "ana@exemplo–loja.example",
    "ana..b@loja.example",
    "x" * 70 + "@loja-de-nome-comprido.example",
    "não tem",
    "@",
    0,
)
DOCUMENTS: tuple[Any, ...] = (
    "12.abc.345/01de-35",
    "12ABC34501DE35 ",
    "12ABC34501DE36",
    "12ABC34501DEAB",
    "O2.998.224-725",
    52998224725,
    1222333000181,
    "1222333000181",
    "529982247-25",
    "00000000000191",
    "00000000000",
    "11111111111111",
    "CPF: 529.982.247-25",
    "５２９９８２２４７２５",
    "529.982.247-25/0001",
    " ",
    "isento",
)
ZIPS: tuple[Any, ...] = (
    "01001-000",
    "1001000",
    1001000,
    "20040002",
    "00000000",
    "99999999",
    "01.001-000",
    "0100100",
    "abcdefgh",
    "",
    None,
)
ADDRESSES: tuple[dict[str, Any], ...] = (
    {"state": "São Paulo"},
    {"state": "sp"},
    {"state": "XX"},
    {"state": None},
    {"city": "Sao  paulo"},
    {"city": "SÃO PAULO - SP"},
    {"city": "São Paulo/SP"},
    {"city": "Sâo Paolo"},
    {"city": "3550308"},
    {"city": "Bom Jesus", "state": "PI", "zipcode": "64900000"},
    {"country": "Brasil"},
    {"country": None},
    {"country": "US", "state": "CA", "city": "Los Angeles", "zipcode": "90001"},
    {"country": "PT", "state": "Lisboa", "city": "Lisboa", "zipcode": "1000-001"},
    {"country": "Estados Unidos"},
    {"number": None},
    {"number": "s/nº"},
    {"number": "100, apartamento 1203, bloco B"},
    {"number": 100},
    {"neighborhood": ""},
    {"street": "R"},
    {"additional_details": "Apto 12 " * 12},
)


async def buyers_of_every_form(town: Town, shop: Shop) -> None:
    """Whatever shops write, each sale ends, and what is sent no city refuses for its form."""
    await shop.tenant.call("PUT", "/rule", a_rule(send_email=True))
    account = shop.account
    changes: list[dict[str, Any]] = [{"name": text} for text in TEXTS]
    changes += [{"email": each} for each in EMAILS]
    changes += [{"registry_code": each} for each in DOCUMENTS]
    changes += [{"phones": [{"id": 1, "number": each, "extension": 7}]} for each in PHONES]
    usual = shop.customer["address"]
    addresses = [*ADDRESSES, *({"zipcode": each} for each in ZIPS)]
    for name in ("street", "additional_details", "neighborhood", "city", "number"):
        addresses += [{name: text} for text in TEXTS]
    changes += [{"address": {**usual, **each}} for each in addresses]
    sold = [(each, shop.sold(customer=account.add_customer(**each))) for each in changes]
    await _ended(shop, sold)


async def products_of_every_form(town: Town, shop: Shop) -> None:
    account = shop.account
    sold: list[tuple[Any, Record]] = []
    for text in TEXTS:
        named = account.add_product(text, text)
        for lines in ([(named, "10.00")], [(named, "10.00", {"description": text * 3})]):
            bill = moves.sell(account, shop.customer, lines)
            moves.pay(account, bill)
            sold.append((text, bill))
    for quantity in (0, 0.333, "0,5", 10**12, -3, None, "muitos"):
        line = {"quantity": quantity, "description": "Uso medido"}
        bill = moves.sell(account, shop.customer, [(shop.product, "10.00", line)])
        moves.pay(account, bill)
        sold.append((quantity, bill))
    odd: tuple[Any, ...] = (None, {}, "P", {"id": None})
    for change in ({"product": each} for each in odd):
        bill = moves.sell(account, shop.customer, [(shop.product, "10.00", change)])
        moves.pay(account, bill)
        sold.append((change, bill))
    many = account.add_product("Item de nome bem comprido para uma fatura " * 10)
    bill = moves.sell(account, shop.customer, [(many, "0.10")] * 700)
    moves.pay(account, bill)
    sold.append(("many", bill))
    await _ended(shop, sold)
    for said, one in sold:
        for nota in _notas(shop, one):
            assert str(one["id"]) in nota["servico"]["descricao"], (said, nota["servico"])


async def _ended(shop: Shop, sold: list[tuple[Any, Record]]) -> None:
    await shop.tell()
    wrong = []
    for said, bill in sold:
        sale = await shop.tenant.until(bill["id"], lambda one: one["status"] in ENDS, within=90)
        code = (sale["attention"] or {}).get("code")
        if sale["status"] == "held" and code in {"bill_unreadable", "decision_failed", None}:
            wrong.append(f"{said!r}: held as {code}")
        for body in _notas(shop, bill):
            wrong += [f"{said!r}: {each}" for each in wrong_with(body)]
        if sale["status"] == "issued" and len(_notas(shop, bill)) != 1:
            wrong.append(f"{said!r}: {len(_notas(shop, bill))} notas")
    assert not wrong, "\n".join(wrong)


def _notas(shop: Shop, bill: Record) -> list[dict[str, Any]]:
    mark = f"-{bill['id']}-"
    return [nota.body for nota in shop.company.notas if mark in nota.external_id]


def _one_of(ends: set[str]) -> Callable[[dict[str, Any]], bool]:
    return lambda sale: sale["status"] in ends


async def coupons_in_every_place(town: Town, shop: Shop) -> None:
    """A coupon of a product of its own takes from what is sold, wherever it stands."""
    account = shop.account
    course = account.add_product("Curso", "CURSO")
    coupon = account.add_product("Cupom BLACK", "wc-discount")
    other = {**SERVICE, "municipal_code": "05762", "lc116": "8.02"}
    exceptions = [
        {"if": {"product_code": ["CURSO"]}, "issue_when": "guarantee_ended", "guarantee_days": 30}
    ]
    rule = a_rule(services_by_product_code={"CURSO": other}, exceptions=exceptions)
    await shop.tenant.call("PUT", "/rule", rule)
    first: list[moves.Line] = [(coupon, "-10.00"), (shop.product, "50.00")]
    twice: list[moves.Line] = [(shop.product, "50.00"), (coupon, "-10.00"), (coupon, "-5.50")]
    nameless: list[moves.Line] = [(shop.product, "50.00"), (coupon, "-10.00", {"product": None})]
    all_of_it: list[moves.Line] = [(shop.product, "50.00"), (coupon, "-50.00")]
    too_much: list[moves.Line] = [(shop.product, "50.00"), (coupon, "-60.00")]
    of_course: list[moves.Line] = [(course, "500.00"), (coupon, "-50.00")]
    cent: list[moves.Line] = [(shop.product, "50.00"), (coupon, "-49.99")]
    wanted = (
        (first, "issued", "40.00"),
        (twice, "issued", "34.50"),
        (nameless, "issued", "40.00"),
        (all_of_it, "skipped", None),
        (too_much, "held skipped", None),
        (of_course, "in_guarantee", None),
        (cent, "issued", "0.01"),
    )
    sold: list[tuple[Record, set[str], str | None]] = []
    for lines, end, amount in wanted:
        bill = moves.sell(account, shop.customer, lines)
        if bill["charges"]:
            moves.pay(account, bill)
        else:
            bill["status"] = "paid"
            account.news.append(("bill_paid", bill))
        sold.append((bill, set(end.split()), amount))
    await shop.tell()
    for bill, ends, amount in sold:
        sale = await shop.tenant.until(bill["id"], _one_of(ends), within=60)
        bodies = _notas(shop, bill)
        assert len(bodies) == (amount is not None), (sale, bodies)
        for body in bodies:
            assert Decimal(str(body["valorTotal"])) == Decimal(amount or 0), body
            assert body["servico"]["codigoServicoMunicipio"] == "02800", body
            assert "Cupom" not in body["servico"]["descricao"], body


async def amounts_at_the_edges(town: Town, shop: Shop) -> None:
    exact = ("0.01", "0.02", "0.07", "999999999.99", "12345678901.23", "9007199254740.93")
    sold = [(reais, reais, shop.sold(reais)) for reais in exact]
    for odd in ("0.005", "10.999", "1e2", "1,234.50", "1.234,50", "100,00", " 100.0 ", "+100.0"):
        bill = shop.sold()
        bill["amount"] = odd
        sold.append((odd, "100.00", bill))
    await shop.tell()
    for said, reais, bill in sold:
        sale = await shop.tenant.until(bill["id"], lambda one: one["status"] in ENDS, within=60)
        for body in _notas(shop, bill):
            assert Decimal(repr(body["valorTotal"])) == Decimal(reais), (said, body)
        assert sale["status"] in {"issued", "held"}, (said, sale)


async def charges_of_every_state(town: Town, shop: Shop) -> None:
    """Words of charges that are rare, under bills of each state."""
    account = shop.account
    told = []
    for state in ("processing", "fraud_review", "fraud", "em_disputa"):
        bill = shop.sell()
        bill["charges"][0]["status"] = state
        told.append((state, bill, {"waiting_payment"}))
        paid = shop.sold()
        paid["charges"][0]["status"] = state
        told.append((f"{state}, bill paid", paid, {"held", "issued", "skipped"}))
    unpaid = shop.sold()
    unpaid["charges"][0]["paid_at"] = None
    told.append(("paid without an instant", unpaid, {"held", "issued"}))
    bare = shop.sold()
    bare["charges"] = []
    told.append(("paid without a charge", bare, {"held", "issued"}))
    parts = shop.sell("90.00")
    parts["charges"][0]["amount"] = Decimal("30.00")
    for _ in range(2):
        moves.add_charge(account, parts, method="pix", amount=Decimal("30.00"))
    moves.pay(account, parts)
    told.append(("a third of it paid", parts, {"waiting_payment"}))
    less = shop.sell("90.00", method="online_bank_slip")
    moves.pay(account, less, amount=Decimal("80.00"))
    told.append(("paid below", less, {"issued"}))
    more = shop.sell("90.00", method="online_bank_slip")
    moves.pay(account, more, amount=Decimal("95.50"))
    told.append(("paid with a fine", more, {"issued"}))
    split = shop.sold("300.00", installments=12)
    told.append(("in twelve", split, {"issued"}))
    await shop.tell()
    wrong = []
    for name, bill, ends in told:
        try:
            sale = await shop.tenant.until(bill["id"], _one_of(ends), within=40)
        except AssertionError as problem:
            wrong.append(f"{name}: {problem}"[:700])
            continue
        wrong += [
            f"{name}: {body['valorTotal']}, {sale['status']}"
            for body in _notas(shop, bill)
            if Decimal(str(body["valorTotal"])) != bill["amount"]
        ]
    assert not wrong, "\n".join(wrong)
    charge = next(each for each in parts["charges"] if each["status"] == "pending")
    moves.pay(account, parts, charge=charge)
    moves.pay(account, parts)
    await shop.tell()
    await shop.tenant.issued(parts["id"])


async def transactions_of_no_charge(town: Town, shop: Shop) -> None:
    """Refunds of card verifications in every form hide no other refund."""
    account = shop.account
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    odd: tuple[dict[str, Any], ...] = (
        {"charge": {}},
        {"charge": {"id": None}},
        {"charge": 7},
        {"charge": []},
        {"charge": "7"},
        {"customer": None, "payment_method": None},
        {"amount": None, "charge": None},
        {"created_at": None, "charge": None},
        {"amount": Decimal(0)},
        {"charge": {"id": 2**63}},
        {"charge": {"id": 999_999_999}},
        {"gateway": None, "status": None},
        {"transaction_type": None},
    )
    for change in odd:
        moves.add_transaction(account, None, "refund", amount=Decimal("1.00")).update(change)
    moves.refund(account, bill)
    account.news = []
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled", within=60)


async def attempts_after_the_payment(town: Town, shop: Shop) -> None:
    """What is tried after a payment moves no sale over the activation, in either way."""
    account = shop.account
    kinds = (
        ("authorization", "timeout"),
        ("capture", "canceled"),
        ("capture", "processing"),
        ("verify", "success"),
        ("refund", "rejected"),
        ("charge", "waiting"),
        ("antifraude", "success"),
        ("authorization", "success"),
    )
    old, new = [], []
    for kind, status in kinds:
        bill = shop.sell(method="debit_card", at=ago(days=3))
        moves.pay(account, bill, recorded_at=ago(days=2))
        old.append((kind, status, bill))
        young = shop.sold(method="debit_card")
        new.append((kind, status, young))
        for one in (bill, young):
            amount = one["charges"][0]["amount"]
            moves.add_transaction(account, one["charges"][0], kind, status=status, amount=amount)
            one["charges"][0]["updated_at"] = one["updated_at"] = datetime.now(UTC)
            account.news.append(("charge_rejected", one["charges"][0]))
    await shop.tell()
    for kind, status, bill in new:
        sale = await shop.tenant.until(bill["id"], lambda one: one["status"] in ENDS, within=60)
        assert sale["status"] == "issued", (kind, status, sale["attention"], sale["timeline"])
    for kind, status, bill in old:
        sale = await shop.tenant.until(bill["id"], lambda one: one["status"] in ENDS, within=60)
        code = sale.get("code") or (sale["attention"] or {}).get("code")
        assert code in {"before_activation", "activation_unclear"}, (kind, status, sale)
    assert len(shop.company.notas) == len(new)


async def customers_alike_and_merged(town: Town, shop: Shop) -> None:
    """Several customers share one document; one is archived, renamed, without a code, meanwhile."""
    account = shop.account
    code = shop.customer["registry_code"]
    twins = [account.add_customer(registry_code=code, name=f"Gêmea {one}") for one in range(3)]
    bills = [shop.sold(customer=each) for each in twins]
    twins[1]["status"] = "archived"
    twins[2]["name"] = "Outra Razão Social Ltda"
    shop.product["name"] = "Plano Renomeado"
    shop.product["status"] = "deleted"
    await shop.tell()
    for bill in bills:
        await shop.tenant.issued(bill["id"])
    names = {body["cliente"]["nome"] for bill in bills for body in _notas(shop, bill)}
    assert names == {"Gêmea 0", "Gêmea 1", "Outra Razão Social Ltda"}
    gone = shop.sold(customer=account.add_customer())
    del account.customers[gone["customer"]["id"]]
    await shop.tell()
    sale = await shop.tenant.until(gone["id"], lambda one: one["status"] in ENDS, within=90)
    assert sale["status"] == "held", sale


async def news_in_every_order(town: Town, shop: Shop) -> None:
    """Everything that happened to a bill, told in any order, stale and doubled."""
    account, chance = shop.account, random.Random(shop.account.seed)
    kept: list[tuple[str, Record]] = []
    for place in range(12):
        bill = shop.sold(f"{place + 1}0.00") if place % 4 else shop.sell()
        if place % 4 == 1:
            moves.refund(account, bill, cancel_bill=True)
        if place % 4 == 0:
            moves.cancel(account, bill)
        if place % 4 == 2:
            moves.reject(account, bill)
        kept += account.news
        account.news = []
    kept *= 2
    chance.shuffle(kept)
    for reading in ("old", "full", "small", "old"):
        account.readings.event_data = reading
        account.news = list(kept)
        await shop.tell()
        await asyncio.sleep(0.5)
    await shop.settled()
    assert {nota.posts for nota in shop.company.notas} <= {1}


SCENES: tuple[Scene, ...] = (
    buyers_of_every_form,
    products_of_every_form,
    coupons_in_every_place,
    amounts_at_the_edges,
    charges_of_every_state,
    transactions_of_no_charge,
    attempts_after_the_payment,
    customers_alike_and_merged,
    news_in_every_order,
)
