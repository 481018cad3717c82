"""The table of interface section 3, against the running service."""

import asyncio
import base64
import gc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.webhook.interpret import read_vindi
from shared.crypto import columns
from shared.crypto.tokens import new_tenant_id, new_webhook_secret
from shared.db.connection import Pool
from shared.db.tenants import secrets_store
from tests.services.webhook.conftest import (
    Client,
    Tenant,
    a_tenant,
    add_secret,
    sealer,
    serving,
    settings_for,
)
from tests.services.webhook.payloads import a_bill_event, a_notification, an_event

EVENTS = "SELECT tenant_id, source, type, bill_id, flag, headers, body, event_id FROM events"
DUE = "SELECT tenant_id, bill_id, lane, origin, state FROM outbox"
STATEMENTS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'webhook'"


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def pieces(count: int, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_an_event_is_kept_sealed_word_for_word_and_its_sale_is_due(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    body = a_bill_event(4711)

    answer = await client.send(
        f"/v1/vindi/{tenant.vindi}", body, headers={"User-Agent": "Vindi-Hookshot/1.0"}
    )

    assert (answer.status, answer.body) == (200, b"")
    [event] = await pool.fetch(EVENTS)
    assert (event["tenant_id"], event["type"], event["bill_id"]) == (tenant.id, "bill_paid", 4711)
    assert event["headers"]["user-agent"] == "Vindi-Hookshot/1.0"
    assert body not in event["body"]
    assert columns.EVENT.open(sealer(), tenant.id, event["body"], event["event_id"]) == body
    [due] = await pool.fetch(DUE)
    assert tuple(due) == (tenant.id, 4711, 0, "webhook", "due")


async def test_a_notification_of_the_issuer_makes_its_sale_due(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    body = a_notification(f"h-{tenant.id}-4711-1")
    answer = await client.send(f"/v1/enotas/{tenant.enotas}", body)
    assert answer.status == 200
    assert [(row["bill_id"], row["flag"]) for row in await pool.fetch(EVENTS)] == [(4711, None)]
    assert [row["bill_id"] for row in await pool.fetch(DUE)] == [4711]
    facts = await pool.fetch("SELECT bill_facts, issuer_facts FROM outbox")
    assert [tuple(row) for row in facts] == [(0, 1)]


async def test_several_events_of_one_delivery_make_each_of_their_sales_due(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    events = [a_bill_event(1), b"7", a_bill_event(2), a_bill_event(1, kind="bill_created")]
    events += [a_bill_event(bill) for bill in range(3, 98)]
    body = b"[" + b",".join(events) + b"]"

    answer = await client.send(f"/v1/vindi/{tenant.vindi}", body)

    assert answer.status == 200
    assert {row["bill_id"] for row in await pool.fetch(DUE)} == set(range(1, 98))
    rows = await pool.fetch(EVENTS)
    assert [row["flag"] for row in rows if row["bill_id"] is None] == ["no_event"]
    assert len(rows) == 99
    for row in rows:  # of each customer's what is theirs
        part = columns.EVENT.open(sealer(), tenant.id, row["body"], row["event_id"])
        assert read_vindi(part).bill_id == row["bill_id"]
        assert read_vindi(part).others == ()


async def test_however_few_deliveries_may_wait_a_list_of_many_is_kept(
    database: str, tenant: Tenant, pool: Pool
) -> None:
    settings = replace(settings_for(database), most_waiting=4)
    body = b"[" + b",".join(a_bill_event(bill) for bill in range(1, 31)) + b"]"

    async with serving(settings) as client:
        answer = await client.send(f"/v1/vindi/{tenant.vindi}", body)

    assert answer.status == 200
    assert {row["bill_id"] for row in await pool.fetch(DUE)} == set(range(1, 31))


async def test_a_sale_that_is_held_keeps_none_of_its_delivery_from_being_due(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    """All of it is answered for, so it is sent again; what was kept then is a copy."""
    body = b"[" + b",".join(a_bill_event(bill) for bill in (1, 2, 3)) + b"]"
    await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(2))

    async with pool.acquire() as held, held.transaction():
        await held.execute("SELECT FROM outbox WHERE bill_id = 2 FOR UPDATE")
        answer = await client.send(f"/v1/vindi/{tenant.vindi}", body)
        due = {row["bill_id"] for row in await pool.fetch(DUE)}
    again = await client.send(f"/v1/vindi/{tenant.vindi}", body)

    assert (answer.status, again.status) == (503, 200)
    assert due == {1, 2, 3}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"not json", b"\xff\x00\xfe", b"[]", b"{}", b"[" * 100_000,
        b'{"event":{"type":"bill_paid"}}', an_event("bill\x00paid", {"bill": {"id": 2**80}}),
        an_event("\ud800", {}), a_bill_event(kind="never_heard_of"),
    ],
)  # fmt: skip
async def test_a_right_secret_is_never_refused_for_what_it_says(
    client: Client, tenant: Tenant, pool: Pool, body: bytes
) -> None:
    answer = await client.send(f"/v1/vindi/{tenant.vindi}", body)
    assert (answer.status, answer.body) == (200, b"")
    [event] = await pool.fetch(EVENTS)
    assert event["flag"] is not None
    assert columns.EVENT.open(sealer(), tenant.id, event["body"], event["event_id"]) == body


async def test_a_wrong_secret_learns_nothing(client: Client, tenant: Tenant, pool: Pool) -> None:
    paths = [
        "/v1/vindi/wrong", "/v1/vindi", "/v1/vindi/", f"/v1/vindi/{tenant.id}",
        f"/v1/vindi/{tenant.vindi}x", f"/v1/vindi/{tenant.vindi}/x", f"/v1/vindi/{tenant.enotas}",
        f"/v1/enotas/{tenant.vindi}", f"/v1/vindi/{new_webhook_secret(new_tenant_id())}",
        "/v1/vindi/%00%ff", "/v1/other/x",
    ]  # fmt: skip
    answers = [await client.send(path, a_bill_event()) for path in paths]
    assert [answer.status for answer in answers] == [404] * len(paths)
    assert {answer.body for answer in answers[:-1]} == {b""}
    assert await pool.fetch(EVENTS) == []


async def test_basic_credentials_do_in_place_of_the_path(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    other = await a_tenant(pool)
    right = await client.send("/v1/vindi", a_bill_event(), headers=basic(tenant.id, tenant.vindi))
    mixed = await client.send("/v1/vindi", a_bill_event(), headers=basic(other.id, tenant.vindi))
    rubbish = await client.send("/v1/vindi", b"", headers={"Authorization": "Basic ???"})
    both = await client.send(
        f"/v1/vindi/{tenant.vindi}", a_bill_event(), headers=basic("someone", "else")
    )
    assert [one.status for one in (right, mixed, rubbish, both)] == [200, 404, 404, 200]
    assert all("authorization" not in row["headers"] for row in await pool.fetch(EVENTS))


@pytest.mark.parametrize(("source", "limit"), [("vindi", 1024 * 1024), ("enotas", 64 * 1024)])
async def test_a_body_may_be_as_large_as_promised_and_no_larger(
    client: Client, tenant: Tenant, pool: Pool, source: str, limit: int
) -> None:
    path = f"/v1/{source}/{tenant.vindi if source == 'vindi' else tenant.enotas}"
    sizes = [(await client.send(path, b"x" * size)).status for size in (limit, limit + 1)]
    chunked = (await client.send(path, pieces(limit // 65536 + 1))).status
    assert (sizes, chunked) == ([200, 413], 413)
    assert await pool.fetchval("SELECT count(*) FROM events") == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post_is_taken(client: Client, tenant: Tenant, method: str) -> None:
    answer = await client.send(f"/v1/vindi/{tenant.vindi}", b"", method=method)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_two_tenants_with_one_bill_number_stay_apart(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    other = await a_tenant(pool)
    for one in (tenant, other):
        await client.send(f"/v1/vindi/{one.vindi}", a_bill_event(4711))
    assert {row["tenant_id"] for row in await pool.fetch(DUE)} == {tenant.id, other.id}


async def test_fifty_copies_at_once_are_fifty_events_and_one_piece_of_work(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    answers = await asyncio.gather(
        *(client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(4711)) for _ in range(50))
    )
    assert {answer.status for answer in answers} == {200}
    assert await pool.fetchval("SELECT count(*) FROM events") == 50
    assert len(await pool.fetch(DUE)) == 1


async def test_an_old_secret_is_good_until_it_ends_and_a_new_one_at_once(
    tenant: Tenant, pool: Pool, database: str
) -> None:
    gone, newest = await a_tenant(pool), new_webhook_secret(tenant.id)
    async with pool.acquire() as conn:
        soon = datetime.now(UTC) + timedelta(hours=72)
        await secrets_store.expire_current(conn, tenant.id, "vindi", soon)
        await secrets_store.expire_current(conn, gone.id, "vindi", datetime.now(UTC))
        await add_secret(conn, tenant.id, "vindi", newest)
    async with serving(settings_for(database)) as client:
        secrets = [tenant.vindi, newest, gone.vindi]
        answers = [await client.send(f"/v1/vindi/{secret}", a_bill_event()) for secret in secrets]
    assert [answer.status for answer in answers] == [200, 200, 404]


async def test_a_flood_of_wrong_secrets_leaves_the_database_alone(
    client: Client, tenant: Tenant, pool: Pool
) -> None:
    async def wrong(number: int) -> int:
        word = tenant.id if number % 2 else new_tenant_id()
        return (await client.send(f"/v1/vindi/{new_webhook_secret(word)}", b"{}")).status

    flood = asyncio.gather(*(wrong(number) for number in range(1000)))
    answers = [
        (await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event(bill))).status
        for bill in range(1, 21)
    ]
    assert set(answers) == {200}
    assert set(await flood) == {404}
    assert await pool.fetchval(STATEMENTS) <= 4


async def test_large_bodies_that_are_refused_are_not_kept_in_memory(
    client: Client, tenant: Tenant
) -> None:
    gc.collect()
    answers = await asyncio.gather(
        *(client.send(f"/v1/vindi/{tenant.vindi}", pieces(64)) for _ in range(8))
    )
    assert {answer.status for answer in answers} == {413}


async def test_ready_means_the_schema_is_there(client: Client, pool: Pool) -> None:
    assert (await client.send("/readyz", method="GET")).status == 200
    await pool.execute("UPDATE alembic_version SET version_num = '0001'")
    assert (await client.send("/readyz", method="GET")).status == 503
    assert (await client.send("/healthz", method="GET")).status == 200


async def test_metrics_count_deliveries_and_name_no_tenant(client: Client, tenant: Tenant) -> None:
    await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event())
    await client.send("/v1/vindi/wrong", b"", headers={"User-Agent": "Vindi-Hookshot/1.0"})
    text = (await client.send("/metrics", method="GET")).body.decode()
    assert 'notaponte_webhook_deliveries_total{outcome="stored",source="vindi"}' in text
    assert 'notaponte_webhook_rejected_vindi_total{outcome="unknown_secret"}' in text
    assert tenant.id not in text


async def test_strangers_learn_at_the_public_port_that_it_lives_and_no_more(
    tenant: Tenant, database: str
) -> None:
    settings = settings_for(database)
    process = replace(settings.process, private_port=1)
    async with serving(replace(settings, process=process)) as client:
        asked = ("/healthz", "/readyz", "/metrics", "/", "/docs")
        told = {path: (await client.send(path, method="GET")).status for path in asked}
        heard = await client.send(f"/v1/vindi/{tenant.vindi}", a_bill_event())

    assert told == dict.fromkeys(asked, 404) | {"/healthz": 200}
    assert heard.status == 200


async def test_who_comes_through_a_proxy_is_not_told_how_it_goes(client: Client) -> None:
    told = {
        path: (await client.send(path, method="GET", headers={"X-Forwarded-For": "8.8.8.8"})).status
        for path in ("/healthz", "/readyz", "/metrics")
    }

    assert told == {"/healthz": 200, "/readyz": 404, "/metrics": 404}
