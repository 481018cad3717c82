import csv
import hashlib
import io
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from shared.ops.closing import run_closing
from tests.services.api.conftest import api, sandbox, settings, world
from tests.services.api.support import MOMENT, TOKEN, World

__all__ = ["api", "sandbox", "settings", "world"]  # fixtures

MONTH = "2026-11"
ADD_BILL = """
    INSERT INTO bills (tenant_id, bill_id, status, amount, moment_amount, customer_id, created_at,
                       updated_at, created_moment, paid_moment, charges_paid_at, body, read_at)
    VALUES ($1, $2, 'paid', $3, $3, 9, $4, $4, $4, $4, ARRAY[$4::timestamptz], '', now())
"""
# A complete pass would have shown any change until it began.
COMPLETE_PASS = """
    INSERT INTO reconciler_passes (tenant_id, next_pass_at, bills_mark, charges_mark, refunds_mark,
                                   complete_from)
    VALUES ($1, now(), now(), now(), now(), $2)
        ON CONFLICT (tenant_id) DO UPDATE SET complete_from = excluded.complete_from
"""


async def a_month(world: World, *, at_issuer: bool = True) -> TenantId:
    """Three sales as decided: one issued, one held, one skipped; Vindi's account knows none."""
    tenant = await world.active_tenant()
    if at_issuer:
        company = next(iter(world.sandbox.enotas.companies.values()))
        world.sandbox.enotas.issue(company, f"p-{tenant}-1-1", _body())
        world.sandbox.clock.advance(600)
    await world.sale(tenant, 1, SaleStatus.ISSUED, nota="issued")
    await world.sale(tenant, 2, SaleStatus.HELD, code="customer_document_missing")
    await world.sale(tenant, 3, SaleStatus.SKIPPED, code="refunded", customer_name="=HYPERLINK(1)")
    for bill in (1, 2, 3):
        await add_bill(world, tenant, bill)
    return tenant


async def add_bill(world: World, tenant: TenantId, bill: int, amount: int = 17_990) -> None:
    async with world.pool.acquire() as conn:
        await conn.execute(ADD_BILL, tenant, bill, amount, MOMENT)


async def test_a_closing_shows_both_sides_and_every_exception(world: World) -> None:
    tenant = await a_month(world)

    reply = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}")

    assert reply.status == 200
    assert reply.body["vindi"].pop("read_at").endswith("Z")
    assert reply.body["issuer"].pop("read_at").endswith("Z")
    assert reply.body.pop("totals")["sum"]["amount"] == "179.90"
    assert reply.body.pop("credits")["months"] == []
    assert reply.body == {
        "month": MONTH,
        "environment": "Producao",
        "vindi": {"bills": 3, "amount": "539.70", "missing": 0},
        "notas": {"bills": 1, "amount": "179.90"},
        "issuer": {
            "notas": 1,
            "amount": "179.90",
            "differences": 0,
            "accepted": {"notas": 0, "amount": "0.00"},
        },
        "exceptions": [
            {
                "code": "customer_document_missing",
                "status": "held",
                "bills": 1,
                "amount": "179.90",
            },
            {"code": "refunded", "status": "skipped", "bills": 1, "amount": "179.90"},
        ],
        "difference": "0.00",
        "balanced": True,
        "lock": None,
        "adjustments": [],
        "warnings": [],
    }


async def test_what_vindi_says_is_known_as_of_the_bill_that_was_read_longest_ago(
    world: World,
) -> None:
    tenant = await a_month(world)
    read = "UPDATE bills SET read_at = $2::timestamptz + bill_id * interval '1 hour'"
    await world.pool.execute(f"{read} WHERE tenant_id = $1", tenant, MOMENT)

    alone = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}")
    shown_from = MOMENT + timedelta(hours=9)
    await world.pool.execute(COMPLETE_PASS, tenant, shown_from)
    after_a_pass = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}")

    oldest = MOMENT + timedelta(hours=1)  # the three have a reason each
    assert datetime.fromisoformat(alone.body["vindi"]["read_at"]) == oldest
    assert datetime.fromisoformat(after_a_pass.body["vindi"]["read_at"]) == shown_from


async def test_where_the_issuer_and_we_disagree_is_listed_one_by_one(world: World) -> None:
    tenant = await a_month(world)
    company = next(iter(world.sandbox.enotas.companies.values()))
    [nota] = company.notas.values()
    nota.body = nota.body | {"valorTotal": 100.0}
    for bill in (4, 5):
        await world.sale(tenant, bill, SaleStatus.HELD, code="held_by_person")
        await add_bill(world, tenant, bill)
        world.sandbox.enotas.issue(company, f"p-{tenant}-{bill}-1", _body())
    world.sandbox.clock.advance(600)
    here = f"/tenants/{tenant}/closing"

    closing = await world.api.get(f"{here}?month={MONTH}")
    first = await world.api.get(f"{here}/differences?month={MONTH}&limit=2")
    cursor = first.body["next"]
    second = await world.api.get(f"{here}/differences?month={MONTH}&limit=2&cursor={cursor}")

    assert closing.body["issuer"]["differences"] == 3
    assert not closing.body["balanced"]
    items = [*first.body["items"], *second.body["items"]]
    assert [(one["kind"], one["bill_id"]) for one in items] == [
        ("differs", 1),
        ("only_there", 4),
        ("only_there", 5),
    ]
    assert items[0]["fields"] == ["amount"]
    assert (items[0]["our_amount"], items[0]["issuer_amount"]) == ("179.90", "100.00")
    assert second.body["next"] is None


async def test_a_cursor_nobody_gave_is_refused(world: World) -> None:
    tenant = await world.api.tenant()

    path = f"/tenants/{tenant}/closing/differences?month={MONTH}&cursor=abc"
    reply = await world.api.get(path)

    assert (reply.status, reply.code) == (422, "invalid_request")


async def test_an_empty_month_balances(world: World) -> None:
    tenant = await a_month(world)

    reply = await world.api.get(f"/tenants/{tenant}/closing?month=2026-02")

    assert reply.body["vindi"] == {"bills": 0, "amount": "0.00", "read_at": None, "missing": 0}
    assert reply.body["balanced"]


@pytest.mark.parametrize("query", ["", "?month=2026-13", "?month=november", "?month=2026-11-01"])
async def test_what_is_no_month_is_refused(world: World, query: str) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.get(f"/tenants/{tenant}/closing{query}")

    assert (reply.status, reply.code) == (422, "invalid_request")


async def test_without_an_account_nothing_can_be_checked(world: World) -> None:
    tenant = await world.api.tenant()

    reply = await world.api.get(f"/tenants/{tenant}/closing?month={MONTH}")

    assert reply.status == 200
    assert reply.body["vindi"]["missing"] is None
    assert reply.body["warnings"][0]["code"] == "vindi_not_connected"
    assert not reply.body["balanced"]


async def test_csv_gives_a_line_a_bill_that_no_spreadsheet_runs(world: World) -> None:
    tenant = await a_month(world)

    path = f"/tenants/{tenant}/closing?month={MONTH}"
    reply = await world.api.call("GET", path, headers={"Accept": "text/csv"})

    lines = list(csv.DictReader(io.StringIO(reply.body.decode())))
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert [line["bill_id"] for line in lines] == ["1", "2", "3"]
    assert lines[0] == {
        "bill_id": "1",
        "day": "2026-11-10",
        "customer_name": "Padaria Fictícia Ltda",
        "amount": "179.90",
        "status": "issued",
        "code": "",
        "nota_number": "",
        "external_id": f"p-{tenant}-1-1",
        "nota_amount": "179.90",
        "difference": "0.00",
    }
    assert lines[2]["customer_name"] == "'=HYPERLINK(1)"


async def test_a_locked_month_shows_what_changed_since(world: World) -> None:
    tenant = await a_month(world)
    here = f"/tenants/{tenant}/closing"

    locked = await world.api.post(f"{here}/{MONTH}/lock", {"reason": "entregue"})
    await world.sale(tenant, 4, SaleStatus.ISSUED, nota="issued")
    await add_bill(world, tenant, 4)
    after = await world.api.get(f"{here}?month={MONTH}")

    assert locked.status == 201
    assert locked.body["by"] == "support"
    assert after.body["lock"]["vindi"] == {"bills": 3, "amount": "539.70"}
    assert after.body["adjustments"] == [
        {"what": "vindi", "code": None, "status": None, "bills": 1, "amount": "179.90"},
        {"what": "notas", "code": None, "status": None, "bills": 1, "amount": "179.90"},
    ]
    again = await world.api.post(f"{here}/{MONTH}/lock", {"reason": "de novo"})
    assert (again.status, again.code) == (409, "closing_locked")


async def test_an_unlocked_month_is_open_again_and_the_audit_says_why(world: World) -> None:
    tenant = await a_month(world)
    lock = f"/tenants/{tenant}/closing/{MONTH}/lock"
    await world.api.post(lock, {"reason": "entregue"})

    opened = await world.api.call("DELETE", lock, {"reason": "nota substituída"})
    again = await world.api.call("DELETE", lock, {"reason": "nota substituída"})

    assert opened.status == 200
    assert (again.status, again.code) == (404, "closing_not_locked")
    actions = await world.column(
        "SELECT action FROM audit WHERE tenant_id = $1 AND action LIKE 'closing%'"
        " ORDER BY entry_id",
        tenant,
    )
    assert actions == ["closing_locked", "closing_unlocked"]


async def test_an_unlocked_month_makes_due_what_it_held(world: World) -> None:
    tenant = await a_month(world)
    lock = f"/tenants/{tenant}/closing/{MONTH}/lock"
    await world.api.post(lock, {"reason": "entregue"})
    await world.sale(tenant, 4, SaleStatus.HELD, code="competencia_month_closed")

    await world.api.call("DELETE", lock, {"reason": "nota substituída"})

    assert await world.due(tenant) == [4]


async def test_a_month_that_does_not_balance_is_locked_only_by_force(world: World) -> None:
    tenant = await a_month(world)
    await add_bill(world, tenant, 9)
    await world.sale(tenant, 9, SaleStatus.ISSUED)  # says so, and has no nota
    lock = f"/tenants/{tenant}/closing/{MONTH}/lock"

    refused = await world.api.post(lock, {"reason": "entregue"})
    forced = await world.api.post(lock, {"reason": "entregue", "force": True})

    assert (refused.status, refused.code) == (409, "closing_not_balanced")
    assert forced.status == 201
    assert forced.body["forced"]
    assert forced.body["difference"] == "179.90"


async def test_one_tenants_bills_are_not_in_anothers_closing(world: World) -> None:
    await a_month(world)
    other = await world.api.tenant("Outra Escola")

    reply = await world.api.get(f"/tenants/{other}/closing?month={MONTH}")

    assert reply.body["vindi"]["bills"] == 0


async def test_the_export_holds_every_document_and_its_hash(world: World) -> None:
    tenant = await a_month(world)

    reply = await world.api.get(f"/tenants/{tenant}/closing/export?month={MONTH}")

    archive = zipfile.ZipFile(io.BytesIO(reply.body))
    assert archive.testzip() is None
    manifest = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [line["file"] for line in manifest] == [f"p-{tenant}-1-1.xml", f"p-{tenant}-1-1.pdf"]
    for line in manifest:
        given = archive.read(line["file"])
        assert line["sha256"] == hashlib.sha256(given).hexdigest()
        assert (line["bytes"], line["missing"]) == (str(len(given)), "")


async def test_a_document_the_issuer_does_not_give_is_named(world: World) -> None:
    tenant = await a_month(world, at_issuer=False)

    reply = await world.api.get(f"/tenants/{tenant}/closing/export?month={MONTH}")

    archive = zipfile.ZipFile(io.BytesIO(reply.body))
    assert archive.namelist() == ["manifest.csv"]
    manifest = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [line["missing"] for line in manifest] == ["document_not_ready"] * 2


async def test_the_command_tells_a_cron_by_its_exit_code(world: World) -> None:
    tenant = await a_month(world)
    env = {"INTERNAL_URL": world.api.base, "INTERNAL_API_TOKEN": TOKEN}
    console = Console(file=io.StringIO(), width=120)

    balanced = await run_closing(env, tenant, MONTH, console)
    await add_bill(world, tenant, 9)
    await world.sale(tenant, 9, SaleStatus.ISSUED)
    unbalanced = await run_closing(env, tenant, MONTH, console)

    assert (balanced, unbalanced) == (0, 1)
    assert await run_closing(env, tenant, "2026-13", console) == 2
    printed: Any = console.file
    assert "customer_document_missing" in printed.getvalue()
    assert "NOT BALANCED" in printed.getvalue()


def _body() -> dict[str, Any]:
    return {
        "servico": {"descricao": "Mensalidade"},
        "valorTotal": 179.9,
        "ambienteEmissao": "Producao",
        "dataCompetencia": "2026-11-10T15:00:00Z",
    }


async def test_notas_of_another_system_are_accepted_shown_and_taken_back(world: World) -> None:
    tenant = await a_month(world)
    company = next(iter(world.sandbox.enotas.companies.values()))
    for number in range(3):
        world.sandbox.enotas.issue(company, f"loja-{number}", _body())
    world.sandbox.clock.advance(600)
    here = f"/tenants/{tenant}/closing"
    before = await world.api.get(f"{here}?month={MONTH}")
    reason = {"reason": "emitidas pela loja"}
    some = reason | {"external_id_prefix": "loja-"}

    done = await world.api.post(f"{here}/{MONTH}/accepted", some)
    first = await world.api.get(f"{here}/accepted?month={MONTH}&limit=2")
    cursor = first.body["next"]
    second = await world.api.get(f"{here}/accepted?month={MONTH}&limit=2&cursor={cursor}")
    after = await world.api.get(f"{here}?month={MONTH}")
    gone = await world.api.call("DELETE", f"{here}/{MONTH}/accepted", reason | {"all": True})

    assert (before.body["issuer"]["differences"], before.body["balanced"]) == (3, False)
    assert (done.status, done.body) == (
        200,
        {"accepted": 3, "amount": "539.70", "already": 0, "refused": []},
    )
    items = [*first.body["items"], *second.body["items"]]
    assert {one["external_id"] for one in items} == {"loja-0", "loja-1", "loja-2"}
    assert {(one["reason"], one["by"], one["stands"]) for one in items} == {
        ("emitidas pela loja", "support", True)
    }
    assert after.body["issuer"]["accepted"] == {"notas": 3, "amount": "539.70"}
    assert after.body["balanced"]
    assert gone.body == {"revoked": 3, "amount": "539.70", "refused": []}


async def test_what_may_be_accepted_is_said_one_way_and_not_in_a_locked_month(
    world: World,
) -> None:
    tenant = await a_month(world)
    here = f"/tenants/{tenant}/closing/{MONTH}"
    named = {"reason": "x", "issuer_ids": ["nowhere"]}

    choices: list[dict[str, Any]] = [
        {},
        {"all": True, "external_id_prefix": "a"},
        {"issuer_ids": []},
    ]
    unclear = [
        await world.api.post(f"{here}/accepted", {"reason": "x"} | chosen) for chosen in choices
    ]
    unknown = await world.api.post(f"{here}/accepted", named)
    assert (await world.api.post(f"{here}/lock", {"reason": "x"})).status == 201
    locked = await world.api.post(f"{here}/accepted", named)

    assert [(one.status, one.code) for one in unclear] == [(422, "invalid_request")] * 3
    assert unknown.body["refused"] == [{"issuer_id": "nowhere", "code": "nota_not_foreign"}]
    assert (locked.status, locked.code) == (409, "closing_locked")
