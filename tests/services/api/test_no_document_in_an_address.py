"""No parameter in an address takes a CPF or CNPJ; the table of routes says which there are."""

import re
from typing import Any
from urllib.parse import quote

import pytest

from services.reconciler.api.kit.reading import CURSOR
from services.reconciler.app import OPERATIONS
from shared.db.sales import sales_read
from shared.domain.sale import SaleStatus
from tests.services.api.support import World

CPF = "529.982.247-25"
CNPJ = "11.222.333/0001-81"
WRITTEN = (CPF, "52998224725", CNPJ, "11222333000181", f"Maria {CPF}", "12abc34501de35")


def a_path(path: str, tenant: str, **instead: str) -> str:
    good = {"tenant_id": tenant, "bill_id": "4711", "month": "2026-10", "table": "nbs"} | instead
    return re.sub(r"\{(\w+)\}", lambda found: quote(good.get(found[1], "x"), safe=""), path)


async def test_no_query_of_any_route_takes_a_document(world: World) -> None:
    tenant = await world.api.tenant()
    tried, wrong = set(), []
    for operation in OPERATIONS:
        path = a_path(operation.path, tenant)
        for name in operation.query.model_fields:
            for written in WRITTEN:
                asked = f"{path}?{name}={quote(written, safe='')}"
                reply = await world.api.call(operation.method, asked)
                tried.add((operation.name, name))
                if reply.status != 422 or (name != CURSOR and not _says_so(reply.body, name)):
                    wrong.append((operation.name, name, written, reply.status, reply.body))

    assert wrong == []
    assert {("list_sales", "q"), ("list_sales", "code"), ("find_codes", "q")} <= tried


def _says_so(body: Any, name: str) -> bool:
    return any(one["field"] == name and "CPF" in one["message"] for one in body["errors"])


async def test_no_path_of_any_route_is_found_by_a_document(world: World) -> None:
    tenant = await world.active_tenant()
    word = sales_read.document_word(world.sealer, tenant, "52998224725")
    await world.sale(tenant, 4711, SaleStatus.HELD, code="no_rule", document_word=word)
    wrong = []
    for operation in OPERATIONS:
        for name in re.findall(r"\{(\w+)\}", operation.path):
            path = a_path(operation.path, tenant, **{name: "52998224725"})
            reply = await world.api.call(operation.method, path, {"reason": "um motivo"})
            if reply.status < 400 or reply.status >= 500:
                wrong.append((operation.name, name, reply.status))

    assert wrong == []


@pytest.mark.parametrize("asked", [CPF, "52998224725", " 529 982 247 25 "])
async def test_a_document_is_looked_for_in_a_body(world: World, asked: str) -> None:
    tenant = await world.active_tenant()
    word = sales_read.document_word(world.sealer, tenant, "52998224725")
    for bill in range(1, 5):
        status = SaleStatus.HELD if bill > 1 else SaleStatus.QUEUED
        await world.sale(
            tenant, bill, status, code="no_rule" if bill > 1 else None,
            document_word=word if bill < 4 else None,
        )  # fmt: skip
    path = f"/tenants/{tenant}/sales/search"

    first = await world.api.post(path, {"q": asked, "limit": 2})
    rest = await world.api.post(path, {"q": asked, "limit": 2, "cursor": first.body["next"]})
    held = await world.api.post(path, {"q": asked, "status": "held"})
    everything = await world.api.post(path)

    assert [sale["bill_id"] for sale in first.body["items"]] == [3, 2]
    assert [sale["bill_id"] for sale in rest.body["items"]] == [1]
    assert rest.body["next"] is None
    assert [sale["bill_id"] for sale in held.body["items"]] == [3, 2]
    listed = await world.api.get(f"/tenants/{tenant}/sales")
    assert everything.body == listed.body


async def test_a_search_that_means_nothing_is_refused(world: World) -> None:
    tenant = await world.api.tenant()
    for body in ({"status": "sold"}, {"cursor": "?"}, {"limit": 0}, {"since": "x"}, {"name": "x"}):
        reply = await world.api.post(f"/tenants/{tenant}/sales/search", body)
        assert (reply.status, reply.code) == (422, "invalid_request"), body
