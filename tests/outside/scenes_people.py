"""Scenes of what support and finance ask for: backfills, divided sales, guarantees, timelines."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.outside.product import SERVICE, Refused, a_rule
from tests.outside.scenes_vindi import Scene
from tests.outside.town import Shop, Town, ago, this_month
from tests.outside.vindi import moves
from tests.outside.vindi.records import BRASILIA, midnight


async def past_sales_are_asked_for(town: Town, shop: Shop) -> None:
    account = shop.account
    old = []
    for day in (3, 4, 5, 6):
        bill = shop.sell(at=ago(days=day))
        moves.pay(account, bill, recorded_at=ago(days=day))
        old.append(bill)
    moves.refund(account, old[3])
    account.news = []
    since = f"{ago(days=8).astimezone(BRASILIA):%Y-%m-%d}"
    asked = {
        "since": since,
        "dry_run": True,
        "competencia": "original",
        "requested_by": "maria",
        "reason": "troca de sistema",
    }
    dry = await backfilled(shop, asked)
    assert (dry["bills_total"], dry["new"], dry["outcomes"]["issue"]) == (4, 4, 3), dry
    assert Decimal(dry["amount_to_issue"]) == 300, dry
    assert not shop.company.notas
    real = await backfilled(shop, {**asked, "dry_run": False})
    assert (real["new"], real["known"]) == (4, 0), real
    for bill in old[:3]:
        await shop.tenant.issued(bill["id"])
    again = await backfilled(shop, {**asked, "dry_run": False})
    assert (again["new"], again["known"]) == (0, 4), again
    await shop.settled()


async def backfilled(shop: Shop, asked: dict[str, Any]) -> dict[str, Any]:
    made = await shop.tenant.call("POST", "/backfills", asked)
    async with asyncio.timeout(60):
        while True:
            run = await shop.tenant.product.patient_call("GET", f"/backfills/{made['id']}")
            if run["status"] not in {"queued", "running"}:
                assert run["status"] == "completed", run
                return dict(run)
            await asyncio.sleep(0.2)


async def a_sale_of_two_services(town: Town, shop: Shop) -> None:
    course = shop.account.add_product("Curso", "CURSO")
    other = {**SERVICE, "municipal_code": "05762", "lc116": "8.02"}
    rule = a_rule(services_by_product_code={"CURSO": other})
    await shop.tenant.call("PUT", "/rule", rule)
    lines: list[moves.Line] = [
        (shop.product, "60.00"),
        (course, "40.00"),
        (course, "-5.00", {"discount": {"id": 1}}),
    ]
    town.enotas.weather.order("reset after", "POST", shop.company.id.lower())
    bill = moves.sell(shop.account, shop.customer, lines)
    moves.pay(shop.account, bill)
    await shop.tell()
    await asyncio.sleep(0.5)
    moves.refund(shop.account, bill)
    await shop.tell()
    await shop.tenant.until(
        bill["id"], lambda sale: sale["status"] in {"cancelled", "skipped"}, within=90
    )
    assert not shop.company.valid()
    whole = moves.sell(shop.account, shop.customer, lines)
    moves.pay(shop.account, whole)
    await shop.tell()
    await shop.tenant.issued(whole["id"])
    amounts = sorted(Decimal(str(each.body["valorTotal"])) for each in shop.company.valid())
    assert amounts == [Decimal(35), Decimal(60)], amounts


async def a_guarantee_that_ended_before_the_payment_was_known(town: Town, shop: Shop) -> None:
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="guarantee_ended", guarantee_days=7))
    bill = shop.sell(method="online_bank_slip", at=ago(days=20))
    moves.pay(shop.account, bill, paid_at=midnight(ago(days=12)))
    young = shop.sold()
    await shop.tell()
    sale = await shop.tenant.until(bill["id"], lambda one: one["status"] in {"issued", "held"})
    waits = await shop.tenant.until(young["id"], lambda one: one["status"] == "in_guarantee")
    ends = midnight(datetime.now(BRASILIA)) + timedelta(days=8)
    assert datetime.fromisoformat(waits["issue_at"]) == ends, waits
    started = midnight(ago(days=12)) + timedelta(days=8)
    assert datetime.fromisoformat(sale["issue_at"]) == started, sale


async def guarantees_by_cycle_and_product(town: Town, shop: Shop) -> None:
    course = shop.account.add_product("Curso", "CURSO")
    rule = a_rule(
        exceptions=[
            {"if": {"product_code": ["EX-1"], "cycle": "renewal"}, "issue_when": "bill_paid"},
            {
                "if": {"product_code": ["CURSO"], "cycle": "first"},
                "issue_when": "guarantee_ended",
                "guarantee_days": 30,
            },
            {"if": {"customer_code": ["PARCEIRO"]}, "issue_when": "never"},
        ],
        issue_when="guarantee_ended",
        guarantee_days=7,
    )
    await shop.tenant.call("PUT", "/rule", rule)
    partner = shop.account.add_customer(code="PARCEIRO")
    period = {"id": 1, "billing_at": None, "start_at": None, "end_at": None, "duration": 1}
    renewal = shop.sold(period={**period, "cycle": 4})
    first = shop.sold(period={**period, "cycle": 1})
    lines: list[moves.Line] = [(course, "80.00")]
    learner = moves.sell(shop.account, shop.customer, lines, period={**period, "cycle": 1})
    moves.pay(shop.account, learner)
    friend = shop.sold(customer=partner)
    await shop.tell()
    await shop.tenant.issued(renewal["id"])
    for bill, days in ((first, 8), (learner, 31)):
        sale = await shop.tenant.until(bill["id"], lambda one: one["status"] == "in_guarantee")
        ends = midnight(datetime.now(BRASILIA)) + timedelta(days=days)
        assert datetime.fromisoformat(sale["issue_at"]) == ends, sale
    await shop.tenant.until(friend["id"], lambda one: one["status"] == "skipped")


async def a_pause_holds_everything_and_loses_nothing(town: Town, shop: Shop) -> None:
    done = shop.sold()
    await shop.tell()
    await shop.tenant.issued(done["id"])
    await shop.tenant.call("POST", "/pause", {"reason": "auditoria"})
    shop.sold()
    moves.refund(shop.account, done)
    await shop.tell()
    await asyncio.sleep(4)
    assert len(shop.company.valid()) == len(shop.company.notas) == 1
    await shop.tenant.call("POST", "/activate")
    await shop.settled()


async def many_actions_at_once(town: Town, shop: Shop) -> None:
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="manual"))
    bills = [shop.sold() for _ in range(6)]
    await shop.tell()
    for bill in bills:
        await shop.tenant.until(
            bill["id"], lambda one: (one["attention"] or {}).get("code") == "rule_manual"
        )
    ids = [bill["id"] for bill in bills]
    body = {"action": "issue", "bill_ids": [*ids, *ids[:2], 999], "reason": "fim do mês"}
    for _ in range(3):
        said = await shop.tenant.call("POST", "/sales/actions", body)
        assert [each["bill_id"] for each in said["refused"] if each["bill_id"] == 999] == [999]
    for bill in bills:
        await shop.tenant.issued(bill["id"])
    assert len(shop.company.notas) == 6
    with pytest.raises(Refused):
        await shop.tenant.call("POST", f"/sales/{ids[0]}/issue", {"reason": "mais uma"})


async def issued_at_creation(town: Town, shop: Shop) -> None:
    """Under `bill_created`: open bills count, and what is cancelled later is cancelled."""
    await shop.tenant.call("PUT", "/rule", a_rule(issue_when="bill_created"))
    bill, dead, reviewed = shop.sell(), shop.sell("55.00"), shop.sell(status="review")
    await shop.tell()
    await shop.tenant.issued(bill["id"])
    await shop.tenant.issued(dead["id"])
    assert len(shop.company.notas) == 2
    moves.cancel(shop.account, dead)
    moves.approve(shop.account, reviewed)
    await shop.tell()
    await shop.tenant.until(dead["id"], lambda one: one["status"] == "cancelled")
    await shop.tenant.issued(reviewed["id"])
    closing = await shop.balanced()
    assert Decimal(closing["notas"]["amount"]) == 200, closing


async def files_of_a_nota(town: Town, shop: Shop) -> None:
    shop.company.readings.xml = "raw" if shop.account.seed % 2 else "json"
    bill = shop.sold()
    await shop.tell()
    sale = await shop.tenant.issued(bill["id"])
    async with asyncio.timeout(30):
        while not (sale["nota"]["has_pdf"] and sale["nota"]["has_xml"]):
            await asyncio.sleep(0.3)
            sale = await shop.tenant.issued(bill["id"])
    here = f"/tenants/{shop.tenant.id}/sales/{bill['id']}"
    pdf = await shop.tenant.product.call("GET", f"{here}/pdf", accept="*/*")
    xml = await shop.tenant.product.call("GET", f"{here}/xml", accept="*/*")
    assert pdf.startswith(b"%PDF-"), pdf
    assert xml.startswith(b"<?xml"), xml
    closing = await shop.tenant.product.call(
        "GET", f"/tenants/{shop.tenant.id}/closing?month={this_month()}", accept="text/csv"
    )
    assert str(bill["id"]) in closing.decode()


SCENES: tuple[Scene, ...] = (
    past_sales_are_asked_for,
    a_sale_of_two_services,
    a_guarantee_that_ended_before_the_payment_was_known,
    guarantees_by_cycle_and_product,
    a_pause_holds_everything_and_loses_nothing,
    many_actions_at_once,
    issued_at_creation,
    files_of_a_nota,
)
