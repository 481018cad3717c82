"""Status webhooks out: signed, written with the change, retried, never to the inside."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from services.reconciler.deliver import WAITS, Courier
from shared.commands.status_webhooks import HookRefused, try_webhook
from shared.crypto.webhook_signature import new_signing_secret, signed_headers
from shared.db.hooks import status_webhooks_store
from shared.db.hooks.status_webhooks_store import StatusDelivery
from shared.net.guarded import TargetRefused, check_target, is_public, open_guarded_session
from tests.services.api.support import World
from tests.services.emitter.conftest import SEALER, Desk
from tests.services.emitter.test_parts import SERVICES, settle, sold_mixed

SECRET = new_signing_secret()


class Listener:
    """A tenant's own server: keeps what it hears and answers as told."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.heard.append((dict(request.headers), await request.read()))
        headers = {"Location": self.url} if self.status == 302 else {}
        return web.Response(status=self.status, headers=headers)

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.heard]


@pytest_asyncio.fixture
async def listener() -> AsyncIterator[Listener]:
    listening = Listener()
    app = web.Application()
    app.router.add_post("/hook", listening.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listening.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield listening
    await runner.cleanup()


async def subscribe(desk: Desk, url: str) -> None:
    async with desk.pool.acquire() as conn:
        await status_webhooks_store.put(conn, SEALER, desk.tenant, url, SECRET)


async def deliver(desk: Desk, *, loopback: bool = True) -> None:
    async with open_guarded_session(loopback=loopback, timeout=60) as http:
        courier = Courier(
            pool=desk.pool,
            sealer=SEALER,
            http=http,
            loopback=loopback,
            now=lambda: datetime.now(UTC),
        )
        await courier.start_due()
        await courier.finish()  # once: what failed is due again in five seconds


async def deliveries(desk: Desk) -> list[StatusDelivery]:
    async with desk.pool.acquire() as conn:
        return await status_webhooks_store.list_newest_first(
            conn, desk.tenant, before=None, limit=50
        )


async def issued(desk: Desk) -> Any:
    bill = await desk.sold()
    await desk.work()
    await desk.later()
    await desk.work()
    return bill


async def test_a_sale_of_several_notas_is_told_once_with_all_of_them(
    desk: Desk, listener: Listener
) -> None:
    await subscribe(desk, listener.url)
    await desk.rule(**SERVICES)
    bill = await sold_mixed(desk, "100.00", "79.90")
    await settle(desk)

    await deliver(desk)

    ((_, body),) = listener.heard
    data = json.loads(body)["data"]
    assert (data["status"], data["amount"]) == ("issued", "179.90")
    assert [(one["part"], one["external_id"], one["status"]) for one in data["notas"]] == [
        (1, f"p-{desk.tenant}-{bill.id}x1-1", "issued"),
        (2, f"p-{desk.tenant}-{bill.id}x2-1", "issued"),
    ]


async def test_an_issued_sale_is_told_once_signed_and_without_personal_data(
    desk: Desk, listener: Listener
) -> None:
    await subscribe(desk, listener.url)
    bill = await issued(desk)

    await deliver(desk)
    await deliver(desk)

    ((headers, body),) = listener.heard
    message = json.loads(body)
    assert message["type"] == "sale.issued"
    assert message["data"]["bill_id"] == bill.id
    assert message["data"]["amount"] == "179.90"
    assert message["data"]["nota"]["number"]
    assert b"Cliente" not in body
    assert b"12345678909" not in body
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert [one.state for one in await deliveries(desk)] == ["delivered"]


async def test_held_and_denied_sales_are_told_with_their_code(
    desk: Desk, listener: Listener
) -> None:
    await subscribe(desk, listener.url)
    await desk.sold(customer={"address": {}})
    desk.company.faults.certificate_expired = True
    await issued(desk)

    await deliver(desk)

    told = {message["type"]: message["data"]["code"] for message in _messages(listener)}
    assert told == {
        "sale.held": "customer_address_incomplete",
        "sale.denied": "denied_certificate",
    }


async def test_nobody_is_told_where_nobody_asked(desk: Desk) -> None:
    await issued(desk)

    assert await deliveries(desk) == []


async def test_a_listener_that_fails_is_asked_again_for_three_days_under_one_id(
    desk: Desk, listener: Listener
) -> None:
    await subscribe(desk, listener.url)
    await issued(desk)
    listener.status = 500

    async with desk.pool.acquire() as conn:
        for wait in (*WAITS, timedelta()):
            before = await conn.fetchval("SELECT now()")
            await deliver(desk)
            next_at = await conn.fetchval("SELECT next_at FROM webhook_deliveries")
            assert before + wait <= next_at <= await conn.fetchval("SELECT now()") + wait
            await conn.execute("UPDATE webhook_deliveries SET next_at = now()")

    assert len({headers["webhook-id"] for headers, _ in listener.heard}) == 1
    assert len(listener.heard) == len(WAITS) + 1
    (delivery,) = await deliveries(desk)
    assert (delivery.state, delivery.last_status, delivery.last_error) == (
        "given_up",
        500,
        "refused",
    )

    listener.status = 200
    async with desk.pool.acquire() as conn:
        assert await status_webhooks_store.resend(conn, desk.tenant, delivery.delivery_id)
    await deliver(desk)
    assert (await deliveries(desk))[0].state == "delivered"


async def test_a_redirect_is_not_followed(desk: Desk, listener: Listener) -> None:
    await subscribe(desk, listener.url)
    await issued(desk)
    listener.status = 302

    await deliver(desk)

    assert len(listener.heard) == 1
    assert (await deliveries(desk))[0].last_status == 302


async def test_an_address_inside_is_never_asked(desk: Desk, listener: Listener) -> None:
    await subscribe(desk, listener.url)
    await issued(desk)

    await deliver(desk, loopback=False)

    assert listener.heard == []
    assert (await deliveries(desk))[0].last_error == "address_refused"


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    async with open_guarded_session(loopback=False, timeout=5) as http:
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("https://localhost.localdomain:1/")
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get("https://localhost:1/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.0.0.8/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[::ffff:10.0.0.1]/hook",
        "https://[64:ff9b::a00:1]/hook",
        "https://[::127.0.0.1]/hook",
        "https://[64:ff9b:1::a00:1]/hook",
        "https://[fec0::1]/hook",
        "https://127.1/hook",
        "https://①②⑦.⓪.⓪.①/hook",
        "https://127。0。0。1/hook",
        "https://１０．0．0．8/hook",
        "https://①27.1/hook",
        "https://ⓛocalhost/hook",
        "https://localhost./hook",
        "https://inside.localhost/hook",
        "https://@example.com/hook",
        "https://example.com:0/hook",
        "https://exa mple.com/hook",
        "https://example.com\\@127.0.0.1/hook",
        "https://example.com/hook\r\nX: y",
        "https://127.0.0.1./hook",
        "https://2130706433/hook",
        "https://0x7f000001/hook",
        "https://0x7f.1/hook",
        "https://0177.0.0.1/hook",
        "https://user:word@example.com/hook",
        "https://example.com:99999/hook",
        "ftp://example.com/hook",
        "https:///hook",
        "https://" + "a" * 70 + ".example/hook",
        "https://a..example/hook",
        "https://" + "a.b" * 100 + ".example/hook",
        "javascript:alert(1)",
    ],
)
def test_targets_that_are_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_target(url, loopback=False)


def test_a_public_address_is_taken() -> None:
    assert check_target("https://hooks.example.com:8443/x", loopback=False)
    assert check_target("https://8.8.8.8/x", loopback=False)
    assert check_target("https://hooks.123.example/x", loopback=False)
    assert check_target("http://127.0.0.1:9/x", loopback=True)
    assert not is_public(ip_address("100.64.0.1"))
    assert is_public(ip_address("8.8.8.8"))


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    # standardwebhooks.com: the example of its specification's libraries.
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, tz=UTC),
        b'{"test": 2432232314}',
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_try_is_delivered_signed_like_a_sale_and_is_about_none(
    desk: Desk, listener: Listener
) -> None:
    with pytest.raises(HookRefused):
        await try_webhook(desk.pool, SEALER, desk.tenant, by="Ana")
    await subscribe(desk, listener.url)
    await try_webhook(desk.pool, SEALER, desk.tenant, by="Ana")

    await deliver(desk)

    ((headers, _),) = listener.heard
    (told,) = _messages(listener)
    (delivery,) = await deliveries(desk)
    assert headers["webhook-signature"].startswith("v1,")
    assert (told["type"], told["data"]) == ("webhook.test", {"tenant_id": desk.tenant})
    assert (delivery.state, delivery.bill_id, delivery.last_status) == ("delivered", None, 204)


async def test_a_try_is_asked_for_by_the_api_too(world: World) -> None:
    tenant = await world.active_tenant()
    path = f"/tenants/{tenant}/status-webhook"
    early = await world.api.post(f"{path}/test")
    await world.api.put(path, {"url": "https://hooks.example.invalid/notas"})
    tried = await world.api.post(f"{path}/test")
    listed = await world.api.get(f"{path}/deliveries")

    assert (early.status, early.code) == (409, "no_status_webhook")
    assert tried.status == 202
    (one,) = listed.body["items"]
    assert (one["id"], one["type"], one["bill_id"]) == (tried.body["id"], "webhook.test", None)


async def test_the_secret_is_shown_once_and_deliveries_are_listed(world: World) -> None:
    tenant = await world.active_tenant()
    path = f"/tenants/{tenant}/status-webhook"
    body = {"url": "https://hooks.example.com/notas"}

    none = await world.api.get(path)
    made = await world.api.put(path, body)
    again = await world.api.put(path, body)
    renewed = await world.api.put(path, {**body, "new_secret": True})
    inside = await world.api.put(path, {"url": "https://10.0.0.1/x"})
    listed = await world.api.get(f"{path}/deliveries")
    unknown = await world.api.post(f"{path}/deliveries/77/resend")
    removed = await world.api.call("DELETE", path)

    assert (none.status, none.code) == (404, "no_status_webhook")
    assert made.body["secret"].startswith("whsec_")
    assert again.body["secret"] is None
    assert renewed.body["secret"] not in (None, made.body["secret"])
    assert (inside.status, inside.code) == (422, "invalid_request")
    assert listed.body == {"items": [], "next": None}
    assert (unknown.status, unknown.code) == (404, "delivery_unknown")
    assert removed.body == {"removed": True}


def _messages(listener: Listener) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in listener.heard]
