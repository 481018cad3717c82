"""An address that gives no answer costs its own tenant's deliveries a wait, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import ClientError

from services.reconciler.deliver import FAILING_AT_ONCE, RESTS, TENANTS_AT_ONCE, TURN, Courier
from shared.crypto.webhook_signature import new_signing_secret
from shared.db.connection import Pool
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import GIVEN_UP_AFTER, StatusDelivery
from shared.domain.ids import TenantId
from shared.net.guarded import open_guarded_session
from tests.services.emitter.conftest import SEALER

PATIENCE = 20.0
ANSWER = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"
ADD = """
    INSERT INTO tenants (tenant_id, name, plan, timezone) VALUES ($1, 'T', 'basic', 'UTC')
"""
OWE = """
    INSERT INTO webhook_deliveries (tenant_id, bill_id, type, payload, next_at)
    SELECT $1, n, 'sale.issued', '{}', now() - interval '1 minute' FROM generate_series(1, $2) n
"""
AGAIN = "UPDATE webhook_deliveries SET next_at = now() - interval '1 minute'"
RESTED = "UPDATE status_webhooks SET rest_until = now()"


@dataclass(slots=True)
class Street:
    """Two servers: one answers everybody, one answers nobody."""

    living: str
    silent: str
    heard: list[str] = field(default_factory=list)
    asked: int = 0


@pytest_asyncio.fixture
async def street() -> AsyncIterator[Street]:
    here = Street(living="", silent="")
    held: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        here.heard.append(line.split()[1].decode())
        writer.write(ANSWER)
        writer.close()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.asked += 1
        held.append(writer)

    living = await asyncio.start_server(answer, "127.0.0.1", 0)
    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    here.living = f"http://127.0.0.1:{living.sockets[0].getsockname()[1]}"
    here.silent = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/hook"
    yield here
    for writer in held:
        writer.close()
    living.close()
    silent.close()


@asynccontextmanager
async def a_courier(pool: Pool, *, seconds: float) -> AsyncIterator[Courier]:
    async with open_guarded_session(loopback=True, timeout=seconds) as http:
        courier = Courier(
            pool=pool, sealer=SEALER, http=http, loopback=True, now=lambda: datetime.now(UTC)
        )
        yield courier
        await courier.finish()


async def a_tenant(pool: Pool, name: str, url: str, *, owed: int) -> TenantId:
    tenant = TenantId(f"t{name:0>10}")
    async with pool.acquire() as conn:
        await conn.execute(ADD, tenant)
        await status_webhooks_store.put(conn, SEALER, tenant, url, new_signing_secret())
        await conn.execute(OWE, tenant, owed)
    return tenant


async def delivered(pool: Pool, tenant: TenantId) -> Sequence[StatusDelivery]:
    async with pool.acquire() as conn:
        return await status_webhooks_store.list_newest_first(conn, tenant, before=None, limit=200)


async def test_addresses_that_hang_keep_no_other_tenant_waiting(pool: Pool, street: Street) -> None:
    for number in range(20):
        await a_tenant(pool, f"a{number}", street.silent, owed=5)
    living = await a_tenant(pool, "z", f"{street.living}/z", owed=5)
    async with a_courier(pool, seconds=3.0) as courier:
        assert await courier.start_due() == 21
        async with asyncio.timeout(PATIENCE):
            while len(street.heard) < 5:
                await asyncio.sleep(0.01)
        states = [one.state for one in await delivered(pool, living)]

    assert states.count("delivered") >= 4
    assert street.asked == 20  # one try each, not one for each of what is owed there


async def test_those_that_failed_last_have_a_part_of_the_places(pool: Pool, street: Street) -> None:
    hanging = TENANTS_AT_ONCE + 10
    for number in range(hanging):
        await a_tenant(pool, f"a{number}", street.silent, owed=1)
    async with a_courier(pool, seconds=0.3) as courier:
        first = await courier.start_due()
        await courier.finish()
        second = await courier.start_due()
        await courier.finish()
    async with pool.acquire() as conn:
        await conn.execute(AGAIN)
        await conn.execute(RESTED)
    await a_tenant(pool, "z", f"{street.living}/z", owed=TURN + 5)
    async with a_courier(pool, seconds=0.3) as courier:
        third = await courier.start_due()

    assert (first, second) == (TENANTS_AT_ONCE, hanging - TENANTS_AT_ONCE)
    assert third == FAILING_AT_ONCE + 1
    assert len(street.heard) == TURN


async def test_a_silent_address_rests_ever_longer_and_begins_afresh_once_it_answers(
    pool: Pool, street: Street
) -> None:
    tenant = await a_tenant(pool, "a", street.silent, owed=30)
    async with pool.acquire() as conn:
        rests = []
        for _ in range(len(RESTS) + 1):
            async with a_courier(pool, seconds=0.1) as courier:
                assert await courier.start_due() == 1
            async with a_courier(pool, seconds=0.1) as courier:
                assert await courier.start_due() == 0  # it rests, though much is due
            rests.append(await conn.fetchval("SELECT rest_until - now() FROM status_webhooks"))
            await conn.execute(RESTED)
        known = await status_webhooks_store.get(conn, SEALER, tenant)
        assert known is not None
        assert (known.failures, known.failing_since is not None) == (len(RESTS) + 1, True)
        for rest, meant in zip(rests, (*RESTS, RESTS[-1]), strict=True):
            assert meant - timedelta(seconds=5) < rest <= meant

        await conn.execute("UPDATE status_webhooks SET url = $1", f"{street.living}/a")
        async with a_courier(pool, seconds=3.0) as courier:
            assert await courier.start_due() == 1
        known = await status_webhooks_store.get(conn, SEALER, tenant)
        assert known is not None
        assert (known.failures, known.failing_since, known.rest_until) == (0, None, None)
    assert len(street.heard) == TURN


async def test_what_waits_for_days_is_given_up_with_its_word_and_may_be_asked_again(
    pool: Pool, street: Street
) -> None:
    tenant = await a_tenant(pool, "a", "http://localhost:1/hook", owed=3)
    async with pool.acquire() as conn:
        await conn.execute(
            "UPDATE webhook_deliveries SET asked_at = now() - $1::interval", GIVEN_UP_AFTER
        )
    async with a_courier(pool, seconds=3.0) as courier:
        assert await courier.start_due() == 1
    ended = await delivered(pool, tenant)
    async with pool.acquire() as conn:
        await status_webhooks_store.put(
            conn, SEALER, tenant, f"{street.living}/a", new_signing_secret()
        )
        assert await status_webhooks_store.resend(conn, tenant, ended[0].delivery_id)
    async with a_courier(pool, seconds=3.0) as courier:
        assert await courier.start_due() == 1

    assert [(one.state, one.last_error) for one in ended] == [("given_up", "no_connection")] * 3
    again = await delivered(pool, tenant)
    assert [one.state for one in again] == ["delivered", "given_up", "given_up"]


async def test_a_name_that_no_one_knows_has_its_word(pool: Pool) -> None:
    tenant = await a_tenant(pool, "a", "https://nobody.invalid/hook", owed=1)
    async with a_courier(pool, seconds=5.0) as courier:
        await courier.start_due()

    (one,) = await delivered(pool, tenant)
    assert (one.state, one.last_error) in (("pending", "address_unknown"), ("pending", "time_out"))


@pytest.mark.parametrize("host", ["127.0.0.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "[::ffff:127.0.0.1]"])
async def test_no_connection_is_made_inside_however_the_address_is_written(
    street: Street, host: str
) -> None:
    """A host that is an address already is shown to no resolver; it had been connected to."""
    port = street.silent.rpartition(":")[2].partition("/")[0]
    async with open_guarded_session(loopback=False, timeout=PATIENCE) as http:
        with pytest.raises(ClientError):
            await http.post(f"http://{host}:{port}/", data=b"x")

    assert street.asked == 0
