"""What the closing says is filed, against a calculator over the bodies that the issuer was sent.

`FILED_SALES=5000` makes it as many random sales as a month has.
"""

import os
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from services.sandbox.vindi import operations
from shared.domain.closing import Month
from shared.domain.ids import BillId
from shared.net.http import open_session
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import World
from tests.services.emitter.conftest import Desk, an_emitter
from tests.support.accountant import Line, Sheet, recompute, whole

__all__ = ["api", "sandbox", "settings", "world"]  # fixtures

SALES = int(os.environ.get("FILED_SALES", "200"))
ZONE = ZoneInfo("America/Sao_Paulo")
RATES = (None, "2", "2.00", "2.01", "2.79", "3.13", "5.00", "4.99")
A_COMPANY = "11444777000161"
CODES = ("1.07", "01.07", "1.09", "8.02", "17.01")


def a_service(dice: random.Random) -> dict[str, Any]:
    service: dict[str, Any] = {
        "lc116": dice.choice(CODES),
        "municipal_code": dice.choice((None, "10901", "02800")),
        "iss_rate": dice.choice(RATES),
        "iss_withheld": dice.random() < 0.3,
    }
    if dice.random() < 0.5:
        service |= {
            "nbs": "115090000",
            "national_code": dice.choice(("010301", "010501")),
            "ibs_cbs": {
                "class_code": "000001",
                "operation_code": dice.choice(("100301", "100501")),
            },
        }
    if dice.random() < 0.4:
        taxes = dice.sample(("irrf", "inss", "pis", "cofins", "csll"), dice.randint(1, 5))
        service["withholdings"] = {tax: dice.choice(("0.65", "1.50", "3.00")) for tax in taxes}
    if dice.random() < 0.3:
        service["show_discounts"] = True
        service["discount_kind"] = dice.choice(("unconditional", "conditional"))
    if dice.random() < 0.2:
        service["deduction_rate"] = dice.choice(("10.00", "40.00"))
    return service


def some_lines(dice: random.Random, products: list[int]) -> list[dict[str, Any]]:
    """Some products, and now and then a discount on the first."""
    sold = dice.sample(products, dice.choice((1, 1, 1, 2, 3)))
    lines = [{"product_id": one, "amount": money(dice.randint(1_000, 500_000))} for one in sold]
    if dice.random() < 0.2:
        lines.append({"product_id": sold[0], "amount": f"-{money(dice.randint(1, 900))}"})
    return lines


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


@pytest.mark.timeout(900)
async def test_a_calculator_over_the_posted_bodies_comes_to_the_same_totals(world: World) -> None:
    dice = random.Random(20_261_129)
    tenant = await world.active_tenant()
    company = next(iter(world.sandbox.enotas.companies.values()))
    account = next(iter(world.sandbox.vindi.accounts.values()))
    account.rate.limit = None
    products = {f"P{n}": operations.create_product(account, code=f"P{n}").id for n in range(12)}
    rule = {
        "issue_when": "bill_paid",
        "service": a_service(dice),
        "services_by_product_code": {code: a_service(dice) for code in list(products)[1:]},
    }
    put = await world.api.put(f"/tenants/{tenant}/rule", rule)
    unusual = [one["code"] for one in put.body["warnings"]]
    put = await world.api.put(f"/tenants/{tenant}/rule", rule | {"confirm": unusual})
    assert put.status == 200, put.body
    now = datetime.now(UTC)
    async with open_session() as session:
        tools = replace(an_emitter(world.pool, world.sandbox, session), sealer=world.sealer)
        desk = Desk(
            pool=world.pool,
            sandbox=world.sandbox,
            account=account,
            company=company,
            tools=tools,
            tenant=tenant,
        )
        bills = [
            desk.sell(
                lines=some_lines(dice, list(products.values())),
                paid_at=now.timestamp(),
                customer={"registry_code": A_COMPANY},  # which may withhold
            )
            for _ in range(SALES)
        ]
        for start in range(0, SALES, 500):
            await desk.heard(*(BillId(bill.id) for bill in bills[start : start + 500]))
        for _ in range(2):
            await desk.work()
            await desk.later()
        await desk.work()
    month = Month.of(now, ZONE)

    answer = await world.api.get(f"/tenants/{tenant}/closing?month={month}")

    bodies = [one.body for one in company.notas.values() if one.status == "Autorizada"]
    assert len(bodies) > SALES
    assert answer.status == 200, answer.body
    assert_same(answer.body["totals"], recompute(bodies))
    assert answer.body["totals"]["bridge"]["difference"] == "0.00"
    assert answer.body["totals"]["sum"]["amount"] == answer.body["notas"]["amount"]


def assert_same(totals: Any, lines: dict[Line, Sheet]) -> None:
    """The answer's lines and its last line, to the centavo."""
    found: dict[Line, Sheet] = {}
    for one in totals["classes"]:
        sheet = found.setdefault(line_of_class(one), Sheet())
        sheet.notas += one["notas"]
        for name in next(iter(lines.values())).amounts:
            sheet.amounts[name] += Decimal(one[name])
    assert found.keys() == lines.keys()
    for line, sheet in lines.items():
        assert (found[line].notas, found[line].amounts) == (sheet.notas, sheet.amounts), line
    last = whole(lines)
    assert totals["sum"]["notas"] == last.notas
    assert {name: Decimal(totals["sum"][name]) for name in last.amounts} == last.amounts


def line_of_class(one: Any) -> Line:
    rate = one["iss_rate"]
    return (
        one["municipal_code"],
        one["lc116"],
        one["national_code"],
        one["nbs"],
        None if rate is None else Decimal(rate).normalize(),
        one["withheld_by_buyer"],
        one["taxation"],
        one["ibs_cbs_class"],
        one["ibs_cbs_operation"],
    )
