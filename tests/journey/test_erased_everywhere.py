"""One customer goes every road there is and is erased: nothing of them stays but what docs say."""

import asyncio
import uuid
from collections.abc import Iterable
from typing import Any

import pytest
from redis.asyncio import Redis

from services.sandbox.vindi import operations
from services.sandbox.vindi.records import Bill, Customer
from shared.db.connection import Pool
from shared.db.hooks import status_webhooks_store
from shared.domain.ids import TenantId
from tests.journey.system import PATIENCE, TOKEN, System
from tests.privacy.found import columns_with
from tests.services.emitter.conftest import SEALER, a_buyer

NAME = "Zulmira Quitéria Marcada"
CPF = "11144477735"
EMAIL = "zulmira.quiteria@exemplo.example"
# What each field of the customer, of their bills and of what people type about them says.
BY_FIELD = {
    "name": NAME,
    "document": CPF,
    "email": EMAIL,
    "phone": "5511944443333",
    "street": "Rua Marcassol",
    "code": "cliente-zq-77",
    "notes": "prefere manhas zq",
    "customer_metadata": "apelido-zq",
    "bill_code": "pedido-zq-88",
    "bill_metadata": "contrato-zq-99",
}
# What docs/privacy.md says of a nota that the city has, and of what people typed.
LAW = {
    "name": {"sales.customer_name", "sales.customer", "notas.request"},
    "document": {"sales.customer", "notas.request"},
    "street": {"notas.request"},
}
TYPED = {"audit.detail"}
KEPT_ANSWER = {"idempotency_keys.response"}
MESSAGE = f"O tomador {NAME}, CPF {CPF}, {EMAIL}, foi recusado pela prefeitura."


@pytest.mark.timeout(300)
async def test_nothing_of_a_customer_stays_but_what_is_written_down(
    system: System, pool: Pool, redis_url: str
) -> None:
    who = customer(system)
    past = operations.sale(
        system.account, **sold(who), paid_at="2026-05-04T12:00:00-03:00", events=False
    )
    await system.set_up()
    tenant = TenantId(system.tenant)
    async with pool.acquire() as conn, conn.transaction():
        await status_webhooks_store.put(
            conn, SEALER, tenant, "https://nobody.example/hears", "a-secret-of-a-test"
        )
    await live(system, who, past)
    before = await columns_with(pool, SEALER, tenant, list(BY_FIELD.values()))
    assert {"events.body", "bills.body", "notas.reason", "timeline.why"} <= before[NAME]
    assert all(before.values()), "every field came in somewhere"

    await erase(system, who)

    after = await columns_with(pool, SEALER, tenant, list(BY_FIELD.values()))
    by_field = {field: after[word] for field, word in BY_FIELD.items()}
    for field, found in by_field.items():
        typed = TYPED | KEPT_ANSWER if field in ("name", "document", "email") else set()
        assert found <= LAW.get(field, set()) | typed, field
    assert by_field["name"] >= LAW["name"] | TYPED
    # Words that name them, and no key of ours, are nowhere beside the database either.
    outside = [*await in_redis(redis_url), *logs(system)]
    assert [text for text in outside if any(word in text for word in BY_FIELD.values())] == []


def customer(system: System) -> Customer:
    buyer = a_buyer()
    return operations.create_customer(
        system.account,
        **{
            **buyer,
            "name": NAME,
            "registry_code": CPF,
            "email": EMAIL,
            "code": BY_FIELD["code"],
            "notes": BY_FIELD["notes"],
            "metadata": {"apelido": BY_FIELD["customer_metadata"]},
            "phones": [{"id": 1, "phone_type": "mobile", "number": BY_FIELD["phone"]}],
            "address": {**buyer["address"], "street": BY_FIELD["street"]},
        },
    )


def sold(who: Customer) -> dict[str, Any]:
    return {
        "customer_id": who.id,
        "amount": "179.90",
        "code": BY_FIELD["bill_code"],
        "metadata": {"contrato": BY_FIELD["bill_metadata"]},
    }


async def live(system: System, who: Customer, past: Bill) -> None:
    """Issued, cancelled with its money, refused in the city's words, held, passed on, imported."""
    here = f"/tenants/{system.tenant}"
    issued, refunded = (operations.sale(system.account, **sold(who)) for _ in range(2))
    await system.until(issued, "issued")
    await system.until(refunded, "issued")
    operations.refund(system.account, bill_id=refunded.id, cancel_bill=True)

    system.company.faults.default_outcome, system.company.faults.default_denial = "deny", MESSAGE
    refused, given_up = (operations.sale(system.account, **sold(who)) for _ in range(2))
    # Its number and metadata go with the bill to whoever it is of.
    passed = operations.sale(system.account, customer_id=who.id, amount="179.90")
    for bill in (refused, passed, given_up):
        await system.until(bill, "denied")
    other = operations.create_customer(system.account, **{**a_buyer(), "name": "Outra Pessoa"})
    passed.customer_id = other.id
    system.account.changed("bills", passed)
    system.company.faults.default_outcome = "authorise"

    why = f"combinado com {NAME}, {CPF}, {EMAIL}"
    await asked_twice(system, f"{here}/sales/{refused.id}/retry", {"reason": why})
    await system.api("POST", f"{here}/sales/{passed.id}/retry", {"reason": why})
    await system.until(refused, "issued")
    await system.until(passed, "issued")
    many = {"action": "cancel", "bill_ids": [refused.id, given_up.id], "reason": why}
    await system.api("POST", f"{here}/sales/actions", many)
    await system.until(refused, "cancelled")
    operations.refund(system.account, bill_id=given_up.id, cancel_bill=True)
    await system.until(given_up, "skipped")
    asked = {
        "since": "2026-05-01",
        "until": "2026-05-31",
        "dry_run": False,
        "competencia": "original",
        "requested_by": "Ana",
        "reason": why,
    }
    await system.api("POST", f"{here}/backfills", asked)
    await system.until(past, "issued")
    told = {"customer_id": who.id, "ticket": "DESK-16", "format": "json"}
    await system.api("POST", f"{here}/privacy/export", told)


async def asked_twice(system: System, path: str, body: Any) -> None:
    """A call that may be repeated: its answer is kept, sealed, for some days."""
    url = f"http://127.0.0.1:{system.services['reconciler'].port}/internal/v1{path}"
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):
        async with system.http.post(url, json=body, headers=headers) as answer:
            assert answer.status == 202, await answer.text()


async def erase(system: System, who: Customer) -> None:
    """Ask for it, and wait until no sale keeps anything back."""
    here = f"/tenants/{system.tenant}/privacy/erasures"
    asked = {"customer_id": who.id, "ticket": "DESK-17", "reason": "pedido do titular"}
    made = await system.api("POST", here, asked)
    async with asyncio.timeout(PATIENCE):
        report = made
        while report["status"] != "completed":
            await asyncio.sleep(0.2)
            report = await system.api("GET", f"{here}/{made['id']}")
    assert {one["why"] for one in report["kept"]} == {"law", "append_only"}


async def in_redis(url: str) -> list[str]:
    """Every key and every value, whatever kind it is of."""
    found: list[str] = []
    async with Redis.from_url(url) as client:
        async for key in client.scan_iter():
            found += [repr(key), repr(await client.dump(key))]
    return found


def logs(system: System) -> Iterable[str]:
    for service in system.services.values():
        yield service.log.read_text(encoding="utf-8")
