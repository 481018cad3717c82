"""Erasing, telling and leaving, by calls."""

import asyncio
import io
import json
import zipfile
from typing import TYPE_CHECKING

from rich.console import Console

from shared.commands.privacy.depart import step_departure
from shared.config.settings import EXIT_CODE
from shared.crypto import columns
from shared.db.sales.sales_read import document_word
from shared.domain.ids import TenantId
from shared.domain.sale import SaleStatus
from shared.ops.erase import run_erasure
from tests.services.api.support import TOKEN, World
from tests.services.api.test_sample_nota import ADDRESS

if TYPE_CHECKING:
    from shared.api_client.models import ErasureIn

CPF = "123.456.789-09"
TICKET = {"ticket": "DESK-17"}
ERASE = {**TICKET, "document": CPF, "reason": "pedido do titular"}


async def a_sale(world: World, tenant: TenantId, status: SaleStatus = SaleStatus.SKIPPED) -> None:
    customer = {"id": 901, "name": "Dora Lima", "registry_code": CPF, "address": ADDRESS}
    await world.sale(
        tenant,
        1,
        status,
        code="rule_never",
        customer_id=901,
        customer_name="Dora Lima",
        customer=columns.CUSTOMER.seal(world.sealer, tenant, json.dumps(customer).encode(), 1),
        document_word=document_word(world.sealer, tenant, "12345678909"),
    )


async def test_an_erasure_is_asked_for_once_and_reports_what_became_of_it(world: World) -> None:
    tenant = await world.api.tenant()
    await a_sale(world, tenant)
    path = f"/tenants/{tenant}/privacy/erasures"
    once = {"Idempotency-Key": "k-1"}

    asked = await world.api.post(path, ERASE, headers=once)
    again = await world.api.post(path, ERASE, headers=once)
    report = asked
    for _ in range(300):
        if report.body["status"] == "completed":
            break
        await asyncio.sleep(0.1)
        report = await world.api.get(f"{path}/{asked.body['id']}")
    listed = await world.api.get(path)
    unknown = await world.api.get(f"{path}/e0123456789")

    assert asked.status == 202
    assert asked.headers["Location"].endswith(asked.body["id"])
    assert again.body["id"] == asked.body["id"]
    assert report.body["customer_ids"] == [901]
    assert report.body["erased"] == {"sales": 1}
    assert report.body["kept"] == []
    assert [one["id"] for one in listed.body["items"]] == [asked.body["id"]]
    assert (unknown.status, unknown.code) == (404, "erasure_unknown")
    assert await world.column("SELECT customer_name FROM sales") == [""]


async def test_an_operator_erases_from_the_command_line(world: World) -> None:
    tenant = await world.api.tenant()
    await a_sale(world, tenant)
    await world.sale(tenant, 2, SaleStatus.HELD, code="rule_manual", customer_id=901)
    env = {"INTERNAL_URL": world.api.base, "INTERNAL_API_TOKEN": f"support:{TOKEN}"}
    shown = io.StringIO()
    asked: ErasureIn = {"customer_id": 901, "ticket": "DESK-18", "reason": "pedido do titular"}

    code = await run_erasure(env, tenant, asked, Console(file=shown, width=100))
    refused = await run_erasure(env, TenantId("t0000000000"), asked, Console(file=shown))

    assert (code, refused) == (0, EXIT_CODE)
    assert "erased in sales" in shown.getvalue()
    assert "bill 2 stays: open" in shown.getvalue()


async def test_what_cannot_be_meant_is_refused(world: World) -> None:
    tenant = await world.api.tenant()
    path = f"/tenants/{tenant}/privacy/erasures"
    wrong = (
        {**ERASE, "document": "123.456.789-00"},
        {**ERASE, "customer_id": 901},
        {**TICKET, "reason": "pedido do titular"},
        {**ERASE, "reason": f"pedido de {CPF}"},
        {**ERASE, "ticket": "dora@exemplo.example"},
    )

    replies = [await world.api.post(path, body) for body in wrong]

    assert [reply.status for reply in replies] == [422] * len(wrong)
    assert CPF not in str([reply.body for reply in replies])
    assert await world.column("SELECT count(*) FROM erasures") == [0]


async def test_a_customers_data_comes_as_json_and_as_a_page(world: World) -> None:
    tenant = await world.api.tenant()
    await a_sale(world, tenant)
    path = f"/tenants/{tenant}/privacy/export"

    told = await world.api.post(path, {**TICKET, "document": CPF})
    page = await world.api.post(path, {**TICKET, "customer_id": 901, "format": "html"})

    assert told.body["sales"][0]["customer"]["registry_code"] == CPF
    assert "Dora Lima" in page.body.decode()
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Content-Disposition"].startswith("attachment")
    actions = await world.column("SELECT action FROM audit WHERE action = 'customer_exported'")
    assert len(actions) == 2
    assert not await world.column("SELECT 1 FROM audit WHERE detail::text LIKE '%Dora%'")


async def test_a_tenant_leaves_may_stay_and_is_told_what_went(world: World) -> None:
    tenant = await world.active_tenant()
    path = f"/tenants/{tenant}/departure"
    leaving = {"name": "Escola Aurora", "reason": "contrato encerrado"}

    never = await world.api.get(path)
    mistyped = await world.api.post(path, {**leaving, "name": "Escola Aurore"})
    too_soon = await world.api.post(path, {**leaving, "days": 1})
    named = await world.api.post(path, {**leaving, "reason": f"pedido de {CPF}"})
    asked = await world.api.post(path, leaving)
    twice = await world.api.post(path, leaving)
    connecting = await world.connect_vindi(tenant)
    activating = await world.api.post(f"/tenants/{tenant}/activate")
    stayed = await world.api.call("DELETE", path)
    not_twice = await world.api.call("DELETE", path)
    connected = await world.connect_vindi(tenant)
    asked_again = await world.api.post(path, leaving)
    everything = await world.api.get(f"/tenants/{tenant}/export")
    listed = await world.api.get("/departures")

    assert (never.status, never.code) == (404, "departure_unknown")
    assert (mistyped.status, mistyped.code) == (422, "name_differs")
    assert (too_soon.status, named.status) == (422, 422)
    assert (asked.status, asked.body["status"]) == (202, "waiting")
    assert (twice.status, twice.code) == (409, "departing")
    assert (connecting.status, connecting.code) == (409, "departing")
    assert (activating.status, activating.code) == (409, "departing")
    assert (stayed.status, stayed.body["status"]) == (200, "cancelled")
    assert (not_twice.status, not_twice.code) == (409, "not_departing")
    assert connected.status == 200
    assert asked_again.status == 202
    with zipfile.ZipFile(io.BytesIO(everything.body)) as archive:
        assert "dados/rule_versions.jsonl" in archive.namelist()
    assert [one["tenant_id"] for one in listed.body["items"]] == [tenant]

    await world.column("UPDATE departures SET delete_at = asked_at, turn_at = asked_at RETURNING 1")
    while await step_departure(world.pool, tenant):
        pass
    gone = await world.api.get(path)
    looked = await world.api.get(f"/departures/{tenant}")

    assert (gone.status, gone.code) == (404, "tenant_unknown")
    assert looked.body["status"] == "deleted"
    assert looked.body["gone"]["rule_versions"] == 1


async def test_an_id_that_no_text_can_hold_is_unknown(world: World) -> None:
    tenant = await world.api.tenant()

    departed = await world.api.get("/departures/%00")
    erasure = await world.api.get(f"/tenants/{tenant}/privacy/erasures/%00")

    assert (departed.status, departed.code) == (404, "departure_unknown")
    assert (erasure.status, erasure.code) == (404, "erasure_unknown")
