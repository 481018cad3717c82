"""Without statistics, too, single sales are found by key, not by a walk over their tenant."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from shared.db.connection import Connection, Pool
from shared.db.hooks import status_webhooks_store
from shared.db.outbox import claims_store, outbox_store, outbox_wakes
from shared.db.sales import denials_store, notas_store, sales_store
from shared.db.tenants import brakes_store
from shared.db.vindi import bills_store

BY_KEY = {
    "the check of a foreign key": (
        "SELECT 1 FROM ONLY sales x WHERE tenant_id = $1 AND bill_id = $2 FOR KEY SHARE OF x"
    ),
    "a bill": "SELECT body FROM bills WHERE tenant_id = $1 AND bill_id = $2",
    "a nota by its id": "SELECT bill_id FROM notas WHERE tenant_id = $1 AND external_id = $2",
    "claim": claims_store.CLAIM_DUE,
    "renew": claims_store.RENEW,
    "settle": outbox_store.SETTLE,
    "lock": outbox_store.LOCK,
    "lock ours": outbox_store.STILL_OURS,
    "wake": outbox_wakes.WAKE,
    "retry": denials_store.RESEND,
    "free": brakes_store.FREE,
    "load bills": bills_store.LOAD,
    "load sales": sales_store.LOAD,
    "load notas": notas_store.LOAD_NEWEST,
    "progress": sales_store.PROGRESS,
    "finish wishes": sales_store.FINISH_WISHES,
    "update notas": notas_store.UPDATE,
    "before": status_webhooks_store.BEFORE,
    "announce": status_webhooks_store.ANNOUNCE,
}
TABLES = {"outbox", "bills", "sales", "notas"}
NARROW = ("bill_id", "external_id", "due_at")  # what leaves a few rows of a tenant, or those due
COUNTED = {"claim": "outbox_leases"}  # it counts what is worked on, as far as that may be held


@pytest.mark.parametrize("name", BY_KEY)
async def test_it_is_found_by_key(pool: Pool, name: str) -> None:
    async with pool.acquire() as conn:
        plan = await generic_plan(conn, BY_KEY[name])
    walks = [scan for scan in scans(plan) if not is_narrow(scan)]
    assert [scan for scan in walks if scan["Index Name"] != COUNTED.get(name)] == []


async def test_an_index_by_tenant_without_a_condition_would_be_taken(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute("CREATE INDEX walked ON sales (tenant_id, moment_at)")
        plan = await generic_plan(conn, BY_KEY["the check of a foreign key"])
    assert not all(is_narrow(scan) for scan in scans(plan))


async def generic_plan(conn: Connection, statement: str) -> dict[str, Any]:
    """The plan a connection keeps for a statement, made of no particular values."""
    count = max(int(number) for number in re.findall(r"\$(\d+)", statement))
    nothing = ", ".join(["NULL"] * count)
    async with conn.transaction():
        await conn.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await conn.execute(f"PREPARE asked AS {statement}")
        shown = await conn.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({nothing})")
        await conn.execute("DEALLOCATE asked")
    plans = json.loads(shown) if isinstance(shown, str) else shown
    found: dict[str, Any] = plans[0]["Plan"]
    return found


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every node that reads one of the tables of sales; the writing node above reads nothing."""
    if plan.get("Relation Name") in TABLES and "Scan" in plan["Node Type"]:
        yield plan
    for below in plan.get("Plans", ()):
        yield from scans(below)


def is_narrow(scan: dict[str, Any]) -> bool:
    """Say whether an index leads to few rows; a bitmap's condition stands in the node below."""
    below = " ".join(str(one.get("Index Cond", "")) for one in scan.get("Plans", ()))
    condition = f"{scan.get('Index Cond', '')} {below}"
    return any(word in condition for word in NARROW)
