"""A process stands still while it deletes a tenant that left: another goes on, or the tenant stays.

Real processes, SIGSTOP and SIGCONT, as in `test_reconcilers_at_statements`.
"""

import asyncio
import signal
from pathlib import Path

import asyncpg
import msgspec
import pytest

from services.sandbox.wire import Call
from shared.commands.checks import SetUpRefused
from shared.commands.privacy.depart import UNDER_WAY, ask_departure, cancel_departure
from shared.db.privacy import tenant_rows
from shared.domain.ids import TenantId
from tests.journey.pair import PATIENCE, Pair, a_pair, send
from tests.journey.test_reconcilers_stopped import notas, unheard
from tests.services.emitter.conftest import SEALER
from tests.support.statement_proxy import When

WHILE_IT_WAITS = (
    ("departures_store.take", When.UNHEARD),
    ("departures_store.take", When.DONE),
    ("departures_store.save", When.UNHEARD),
)
WHILE_IT_GOES = (
    ("departures_store.save", When.DONE),
    ("tenant_rows.remove_audit", When.UNHEARD),
    ("tenant_rows.remove_audit", When.DONE),
    ("tenant_rows.remove", When.UNHEARD),
    ("tenant_rows.remove", When.DONE),
    ("tenant_rows.remove_tenant", When.UNHEARD),
    ("tenant_rows.remove_tenant", When.DONE),
)
TOLD = "SELECT count(*) FROM audit WHERE action = 'tenant_deleted' AND detail->>'tenant_id' = $1"


async def leaves(pair: Pair, tenant: TenantId, name: str, confirmed: tuple[str, ...] = ()) -> None:
    conn = await asyncpg.connect(pair.database)
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_json, decoder=str)
    try:
        async with conn.transaction():
            await ask_departure(
                conn, SEALER, tenant, name=name, reason="contrato encerrado", days=30, by="ana",
                confirmed=confirmed,
            )  # fmt: skip
    finally:
        await conn.close()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def its_time_has_come(pair: Pair, tenant: TenantId) -> None:
    ask = "UPDATE departures SET delete_at = asked_at, turn_at = asked_at WHERE tenant_id = $1"
    await pair.ask(ask, tenant)


async def it_stays(pair: Pair, tenant: TenantId) -> None:
    """What the panel does; who waits for a stopped process too long clicks again."""
    conn = await asyncpg.connect(pair.database)
    await conn.set_type_codec("jsonb", schema="pg_catalog", encoder=_json, decoder=str)
    try:
        async with asyncio.timeout(PATIENCE), conn.transaction():
            await cancel_departure(conn, tenant, by="ana")
    finally:
        await conn.close()


async def state(pair: Pair, tenant: TenantId) -> str:
    found: str = await pair.ask("SELECT state FROM departures WHERE tenant_id = $1", tenant)
    return found


async def another_tenant(pair: Pair, name: str) -> TenantId:
    return TenantId((await pair.api("POST", "/tenants", {"name": name, "plan": "pro"}))["id"])


async def it_is_deleted_once(pair: Pair, name: str, where: tuple[str, When]) -> None:
    """By whoever takes over; who stood still deletes, counts and says nothing more."""
    tenant = await another_tenant(pair, name)
    await leaves(pair, tenant, name)
    await pair.stands_at(*where)
    await its_time_has_come(pair, tenant)
    await pair.taken_over()

    async def deleted() -> bool:
        return await state(pair, tenant) == "deleted"

    await pair.until(deleted, f"not deleted by the other: {where}")
    row = "SELECT d::text FROM departures d WHERE tenant_id = $1"
    before = await pair.ask(row, tenant)

    await pair.goes_on()

    assert await pair.ask(row, tenant) == before, where
    assert await pair.ask(TOLD, tenant) == 1, where
    conn = await asyncpg.connect(pair.database)
    try:
        assert await tenant_rows.left_in(conn, tenant) == [], where
    finally:
        await conn.close()


async def it_is_taken_back(pair: Pair, where: tuple[str, When]) -> None:
    tenant = TenantId(pair.system.tenant)
    await leaves(pair, tenant, "Empresa")
    await pair.stands_at(*where)
    await its_time_has_come(pair, tenant)
    await asyncio.wait_for(pair.stopper.reached.wait(), PATIENCE)
    sales = await pair.ask("SELECT count(*) FROM sales")
    await it_stays(pair, tenant)
    await pair.taken_over()
    await comes_back(pair)

    await pair.goes_on()

    assert await state(pair, tenant) == "cancelled", where
    bill = unheard(pair)
    await pair.until_status(bill.id, "issued")
    assert len(notas(pair, bill)) == 1
    assert await pair.ask("SELECT count(*) FROM sales") == sales + 1, where


async def comes_back(pair: Pair) -> None:
    system = pair.system
    key = system.account.keys[0].key
    await pair.api("PUT", f"{pair.here}/vindi", {"api_key": key, "environment": "sandbox"})
    issuer = {
        "kind": "enotas", "api_key": system.company.key, "company_id": system.company.id,
        "environment": "Producao",
    }  # fmt: skip
    connected = await pair.api("PUT", f"{pair.here}/issuer", issuer)
    hooks = system.sandbox.enotas.keys
    hooks[system.company.key].webhook_url = connected["status_webhook_url"]
    await pair.api("POST", f"{pair.here}/activate")


async def notas_of_it_waited_for_their_turn(pair: Pair) -> None:
    """The emitter that was to send them stood still while the tenant left.

    Those that were told to be under way may leave, once each; who comes back follows them.
    """
    emitter, tenant = pair.system.emitter, TenantId(pair.system.tenant)
    send(emitter, signal.SIGSTOP)
    bills = [unheard(pair) for _ in range(6)]
    due = "SELECT count(*) = 6 FROM outbox WHERE bill_id = ANY($1::bigint[])"
    await pair.until(lambda: pair.ask(due, [bill.id for bill in bills]), "not heard of")
    sent: list[Call] = []

    def second(call: Call) -> bool:
        sent.extend([call] if call.method == "POST" else [])
        return len(sent) > 1

    pair.stopper.victim, pair.stopper.wanted = emitter, second
    pair.stopper.reached.clear()
    send(emitter, signal.SIGCONT)
    await asyncio.wait_for(pair.stopper.reached.wait(), PATIENCE)
    with pytest.raises(SetUpRefused, match="nobody would follow"):
        await leaves(pair, tenant, "Empresa")
    await leaves(pair, tenant, "Empresa", confirmed=(UNDER_WAY,))
    later = unheard(pair)

    send(emitter, signal.SIGCONT)
    await asyncio.sleep(3)

    assert notas(pair, later) == []
    await it_stays(pair, tenant)
    await comes_back(pair)
    for bill in (*bills, later):
        await pair.until_status(bill.id, "issued")
    assert [len(notas(pair, bill)) for bill in (*bills, later)] == [1] * (len(bills) + 1)


@pytest.mark.timeout(500)
async def test_a_tenant_that_leaves_is_deleted_once_or_stays_whoever_stood_still(
    database: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly = {"ISSUER_REQUESTS_PER_SECOND": "5", "ISSUER_PARALLEL": "8"}
    async with a_pair(
        database=database, redis=redis_url, folder=tmp_path, monkeypatch=monkeypatch, **slowly
    ) as pair:
        await pair.until_status(unheard(pair).id, "issued")
        await notas_of_it_waited_for_their_turn(pair)
        for where in WHILE_IT_WAITS:
            await it_is_taken_back(pair, where)
        for number, where in enumerate(WHILE_IT_GOES):
            await it_is_deleted_once(pair, f"Empresa {number}", where)
        assert pair.system.sandbox.enotas.invariants.report()["ok"]
