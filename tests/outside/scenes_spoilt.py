"""Answers that are heavy, mangled or a stranger's, one kind at a time and at both sides."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.outside.enotas.records import Nota
from tests.outside.oracle import ENDED
from tests.outside.product import Refused, a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, this_month
from tests.outside.vindi import moves
from tests.outside.wire import HEAVY, MANGLED


async def heavy_and_mangled_answers_of_vindi(town: Town, shop: Shop) -> None:
    """Each once for a bill, each once for a list: nothing is lost, and nothing grows."""
    for kind in (*HEAVY, *MANGLED):
        bill = shop.sold(customer=shop.account.add_customer())
        town.vindi.weather.order(kind, "GET", str(bill["id"]), times=1)
        town.vindi.weather.order(kind, "GET", str(bill["customer"]["id"]), times=1)
        town.vindi.weather.order(kind, "GET", "/transactions", times=1)
    await shop.tell()
    await shop.settled(within=240)
    await shop.balanced()


async def heavy_and_mangled_answers_of_the_issuer(town: Town, shop: Shop) -> None:
    """Taken, and answered with what nobody can read: one nota each, though a repeat doubles."""
    shop.company.readings.repeated = "second"
    company = shop.company.id.lower()
    kinds = (*HEAVY, *(each for each in MANGLED if each != "twice"))
    for kind in kinds:
        town.enotas.weather.order(kind, "POST", company, times=1)
        town.enotas.weather.order(kind, "GET", f"{company}/nfes/porIdExterno", times=1)
        shop.sold()
    await shop.tell()
    await shop.settled(within=240)
    assert {nota.posts for nota in shop.company.notas} == {1}
    for kind in kinds:
        town.enotas.weather.order(kind, "GET", f"{company}/nfes?", times=1)
    await shop.balanced(within=240)


async def files_that_are_none(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    await shop.tell()
    sale = await shop.tenant.issued(bill["id"])
    async with asyncio.timeout(30):
        while not (sale["nota"]["has_pdf"] and sale["nota"]["has_xml"]):
            await asyncio.sleep(0.3)
            sale = await shop.tenant.issued(bill["id"])
    here = f"/tenants/{shop.tenant.id}/sales/{bill['id']}"
    troubles = ("portal", "302", "503 empty", "404 html", "garbage", "empty 200", "cut", "bomb")
    for kind in (*troubles, "endless", "null", "text in text"):
        for name, start in (("pdf", b"%PDF-"), ("xml", b"<?xml")):
            town.enotas.weather.order(kind, "GET", f"{shop.company.id.lower()}/nfes", times=1)
            status, told = await _file(town, f"{here}/{name}")
            assert status in {200, 404, 409, 502, 503, 504}, (kind, name, status)
            assert status != 200 or told.startswith(start), (kind, name, told[:80])
    town.enotas.weather.ordered = [
        each for each in town.enotas.weather.ordered if shop.company.id.lower() not in each[2]
    ]


async def _file(town: Town, path: str) -> tuple[int, Any]:
    """The status, and the file's bytes where it is 200."""
    try:
        return 200, await town.product.call("GET", path, accept="*/*")
    except Refused as refused:
        return refused.status, b""


async def keys_that_are_taken_away_and_given_back(town: Town, shop: Shop) -> None:
    """Entered anew, everything that waited leaves; nothing of it was lost or doubled."""
    account = shop.account
    first = shop.sold()
    await shop.tell()
    await shop.tenant.issued(first["id"])
    taken = town.vindi.accounts.pop(account.key)
    shop.sold()
    await shop.tell()
    await asyncio.sleep(4)
    account.key = f"{account.key}-nova"
    town.vindi.accounts[account.key] = taken
    connect = {"api_key": account.key, "environment": "production"}
    await shop.tenant.call("PUT", "/vindi", connect)
    await shop.settled(within=60)
    companies = town.enotas.keys.pop(shop.issuer_key)
    shop.sold()
    await shop.tell()
    await asyncio.sleep(4)
    key = f"{shop.issuer_key}MQ=="
    town.enotas.keys[key] = companies
    town.enotas.hooks[key] = town.enotas.hooks[shop.issuer_key]
    await shop.tenant.call("PUT", "/issuer", _issuer(shop, key=key))
    await shop.settled(within=60)
    await shop.balanced()


async def accounts_that_owe_vindi(town: Town, shop: Shop) -> None:
    """402 for a while: the account's own, told of; afterwards it goes on."""
    shop.account.status = 402
    bill = shop.sold()
    await shop.tell()
    async with asyncio.timeout(30):
        while (await shop.tenant.call("GET", "/health"))["status"] == "ok":
            await asyncio.sleep(0.5)
    shop.account.status = 0
    connect = {"api_key": shop.account.key, "environment": "production"}
    await shop.tenant.call("PUT", "/vindi", connect)
    await shop.tenant.issued(bill["id"], within=60)


async def a_company_that_is_not_there_for_a_while(town: Town, shop: Shop) -> None:
    first, second = shop.sold(), shop.sold()
    gone = town.enotas.companies.pop(shop.company.id.lower())
    await shop.tell()
    await asyncio.sleep(3)
    for bill in (first, second):
        sale = await shop.tenant.sale(bill["id"])
        assert sale is not None
        assert sale["status"] in {"held", "queued", "uncertain", "issuing"}, sale
    town.enotas.companies[shop.company.id.lower()] = gone
    await shop.tenant.call("PUT", "/issuer", _issuer(shop))
    await shop.settled(within=90)
    await shop.balanced()


async def two_tenants_of_one_company(town: Town, shop: Shop) -> None:
    """Each issues its own, and each closing knows which notas are whose."""
    second = await town.open_shop(
        seed=shop.account.seed + 400,
        company=shop.company,
        key=shop.issuer_key,
        confirm=("issuer_company_elsewhere", "issuer_key_elsewhere"),
    )
    for one in (shop, second):
        one.judge.company = shop.company
        for _ in range(3):
            one.sold()
        await one.tell()
    for one in (shop, second):
        for bill in one.account.bills:
            await one.tenant.issued(bill)
    assert len(shop.company.valid()) == 6
    told = [await one.tenant.closing(this_month()) for one in (shop, second)]
    assert [each["notas"]["bills"] for each in told] == [3, 3], told
    await _beside(second, 3)
    await _beside(shop, 3)


async def _beside(shop: Shop, number: int) -> None:
    """The closing names another tenant's notas, and balances once they are accepted by name."""
    path = f"/closing/differences?month={this_month()}"
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while len(found) != number:
            await shop.tenant.closing(this_month())
            found = (await shop.tenant.call("GET", path))["items"]
            await asyncio.sleep(0.5)
    body = {"issuer_ids": [each["issuer_id"] for each in found], "reason": "da outra marca"}
    await shop.tenant.call("POST", f"/closing/{this_month()}/accepted", body)
    await shop.balanced()


async def lists_that_lie(town: Town, shop: Shop) -> None:
    """Rows without ids, of no shape, of others, twice: those of ours count, and it ends."""
    for _ in range(4):
        shop.sold()
    await shop.tell()
    await shop.settled()
    company = shop.company
    usual = company.notas[0].body
    odd: list[dict[str, Any]] = [
        {**usual, "idExterno": None, "valorTotal": 12.0},
        {**usual, "idExterno": "p-outro-1-1", "valorTotal": 13.0},
        {**usual, "idExterno": "x" * 300, "valorTotal": 14.0},
        {**usual, "idExterno": "pedido 7/2026 ção", "valorTotal": 15.0},
        {**usual, "idExterno": "h-1", "valorTotal": 16.0, "ambienteEmissao": "Homologacao"},
    ]
    for body in odd:
        at = datetime.now(UTC)
        made = Nota(
            id=company.new_id(),
            external_id=body["idExterno"],
            body=body,
            status="Autorizada",
            created_at=at,
            changed_at=at,
            number="77",
            authorised_at=at,
        )
        company.notas.append(made)
    shop.sold("1.00")
    await shop.tell()
    closing: dict[str, Any] = {}
    async with asyncio.timeout(60):
        while closing.get("issuer", {}).get("differences", 0) < 4:
            await asyncio.sleep(1)
            closing = await shop.tenant.closing(this_month())
    assert closing["issuer"]["differences"] == 4, closing
    path = f"/closing/differences?month={this_month()}"
    found = (await shop.tenant.call("GET", path))["items"]
    assert len(found) == 4, found


async def revoked_and_revived_in_the_panel(town: Town, shop: Shop) -> None:
    """Denied, given back, then authorised by somebody in the issuer's panel: it is cancelled."""
    shop.company.fate = lambda _nota: "Certificado digital vencido."
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "denied")
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "skipped")
    shop.company.fate = lambda _nota: ""
    [nota] = shop.company.notas
    nota.reason = None
    nota.become("AguardandoAutorizacao")
    await town.enotas.issue(shop.issuer_key, shop.company, nota)
    await shop.settled(within=90)
    assert nota.status == "Cancelada", nota.history


async def denied_then_refunded_in_part(town: Town, shop: Shop) -> None:
    """A person decides: also where the company was changed, or a filter is refused, meanwhile."""
    changed = await town.open_shop(seed=shop.account.seed + 3300)
    refused = await town.open_shop(seed=shop.account.seed + 3400)
    refused.account.readings.refuses = ("transaction_type",)
    for one in (shop, changed, refused):
        await _denied_and_refunded(town, one, moves_on=one is changed)


async def _denied_and_refunded(town: Town, shop: Shop, *, moves_on: bool) -> None:
    shop.company.fate = lambda _nota: "CPF do tomador inválido."
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "denied")
    if moves_on:
        other = town.enotas.open_company(shop.issuer_key, seed=8_000_000 + shop.company.seed)
        await shop.tenant.call("PUT", "/issuer", {**_issuer(shop), "company_id": other.id})
    moves.refund(shop.account, bill, Decimal("0.50"))
    shop.account.news = []
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "held", within=60)
    assert sale["attention"]["code"] == "partially_refunded", sale


async def refunded_in_part_then_denied(town: Town, shop: Shop) -> None:
    """The refund is known while the nota is under way; the denial comes afterwards."""
    shop.company.fate = lambda _nota: "CPF do tomador inválido."
    shop.company.stuck = True
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.until(bill["id"], lambda one: one["status"] == "issuing")
    moves.refund(shop.account, bill, Decimal("0.50"))
    await shop.tell()
    await shop.tenant.until(
        bill["id"], lambda one: (one["attention"] or {}).get("code") == "partially_refunded"
    )
    shop.company.stuck = False
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "held", within=60)
    assert sale["attention"]["code"] == "partially_refunded", sale


async def undone_in_doubt_and_never_there(town: Town, shop: Shop) -> None:
    """The request was lost on its way out, and the bill is undone before it is sent again."""
    company = shop.company.id.lower()
    made = {how: shop.sold() for how in ("part", "charged back", "whole", "cancelled", "usual")}
    town.enotas.weather.order("reset", "POST", company, times=len(made))
    await shop.tell()
    for bill in made.values():
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "uncertain")
    shop.account.readings.chargeback = "canceled"
    moves.refund(shop.account, made["part"], Decimal("0.50"))
    moves.charge_back(shop.account, made["charged back"])
    moves.refund(shop.account, made["whole"])
    moves.refund(shop.account, made["cancelled"], cancel_bill=True)
    await shop.tell()
    await shop.tenant.issued(made["usual"]["id"], within=60)
    for how, status in (
        ("part", "held"),
        ("charged back", "held"),
        ("whole", "skipped"),
        ("cancelled", "skipped"),
    ):
        sale = await shop.tenant.until(made[how]["id"], lambda one: one["status"] in ENDED)
        assert sale["status"] == status, (how, sale)
    assert len(shop.company.notas) == 1
    await shop.settled()


async def undone_under_way_then_denied(town: Town, shop: Shop) -> None:
    """Whatever became of the bill while its nota was under way counts once that is denied."""
    shop.company.fate = lambda _nota: "CPF do tomador inválido."
    shop.company.stuck = True
    made = {how: shop.sold() for how in ("charged back", "whole", "cancelled")}
    kept = await town.open_shop(
        seed=shop.account.seed + 3500, rule={**shop.judge.rule, **a_rule(cancel_on_refund=False)}
    )
    kept.company.fate, kept.company.stuck = shop.company.fate, True
    own = kept.sold()
    for one in (shop, kept):
        await one.tell()
        for number in one.account.bills:
            await one.tenant.until(number, lambda sale: sale["status"] == "issuing")
    shop.account.readings.chargeback = "canceled"
    moves.charge_back(shop.account, made["charged back"])
    moves.refund(shop.account, made["whole"])
    moves.refund(shop.account, made["cancelled"], cancel_bill=True)
    moves.refund(kept.account, own)
    for one in (shop, kept):
        await one.tell()
    await asyncio.sleep(4)
    shop.company.stuck = kept.company.stuck = False
    for how, status in (("charged back", "held"), ("whole", "skipped"), ("cancelled", "skipped")):
        await shop.tenant.until(made[how]["id"], _is(status), within=60)
    await kept.tenant.until(own["id"], _is("skipped"), within=60)


def _is(status: str) -> Callable[[dict[str, Any]], bool]:
    return lambda sale: sale["status"] == status


async def issued_anew_again_and_again(town: Town, shop: Shop) -> None:
    bill = shop.sold()
    await shop.tell()
    for revision in (1, 2, 3):
        sale = await shop.tenant.issued(bill["id"], within=60)
        assert sale["nota"]["external_id"].endswith(f"-{revision}"), sale["nota"]
        if revision == 3:
            break
        said = {"reason": "errada"}
        await shop.tenant.call("POST", f"/sales/{bill['id']}/cancel", said)
        await shop.tenant.until(bill["id"], lambda one: one["status"] == "cancelled")
        await shop.tenant.call("POST", f"/sales/{bill['id']}/issue", said)
    assert [nota.is_valid for nota in shop.company.notas] == [False, False, True]
    await shop.balanced()


async def a_slow_issuer_and_an_impatient_webhook(town: Town, shop: Shop) -> None:
    """The webhook of the authorised nota is there seconds before the answer of its POST."""
    shop.company.step = 0.0
    for _ in range(4):
        town.enotas.weather.order("very slow", "POST", shop.company.id.lower())
        shop.sold()
    before = time.monotonic()
    await shop.tell()
    await shop.settled(within=60)
    assert {nota.posts for nota in shop.company.notas} == {1}, time.monotonic() - before


def _issuer(shop: Shop, *, key: str = "") -> dict[str, Any]:
    return {
        "kind": "enotas",
        "api_key": key or shop.issuer_key,
        "company_id": shop.company.id,
        "environment": "Producao",
    }


async def refunds_where_the_filter_of_changes_is_ignored(town: Town, shop: Shop) -> None:
    """No zone can be measured there: a part refund that no event tells of is found all the same."""
    rule = a_rule(issue_when="guarantee_ended", guarantee_days=3)
    await shop.tenant.call("PUT", "/rule", rule)
    shop.account.readings.last = "paying"
    shop.account.readings.ignored = ("updated_at",)
    bill = shop.sold()
    await shop.tell()
    await shop.tenant.until(bill["id"], _is("in_guarantee"))
    moves.refund(shop.account, bill, Decimal("0.50"))
    shop.account.news = []
    await shop.tenant.until(bill["id"], _is("held"), within=60)


SCENES: tuple[Scene, ...] = (
    heavy_and_mangled_answers_of_vindi,
    heavy_and_mangled_answers_of_the_issuer,
    files_that_are_none,
    keys_that_are_taken_away_and_given_back,
    accounts_that_owe_vindi,
    a_company_that_is_not_there_for_a_while,
    two_tenants_of_one_company,
    lists_that_lie,
    revoked_and_revived_in_the_panel,
    denied_then_refunded_in_part,
    refunded_in_part_then_denied,
    undone_in_doubt_and_never_there,
    undone_under_way_then_denied,
    refunds_where_the_filter_of_changes_is_ignored,
    issued_anew_again_and_again,
    a_slow_issuer_and_an_impatient_webhook,
)
