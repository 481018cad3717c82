import gzip
from dataclasses import replace

import aiohttp

from services.reconciler.app import create_app
from shared.config.secret import Secret
from shared.config.settings import ReconcilerSettings
from tests.services.api.conftest import serving
from tests.services.api.support import TOKEN, Api


async def test_the_service_is_ready_and_counts_what_it_answers(api: Api) -> None:
    await api.get("/tenants")

    async with api.http.get(f"{api.base}/readyz") as ready:
        assert ready.status == 200
    async with api.http.get(f"{api.base}/metrics") as metrics:
        assert 'handler="/tenants"' in await metrics.text()


async def test_without_its_database_it_lives_and_asks_to_come_again(
    settings: ReconcilerSettings,
) -> None:
    gone = replace(
        settings.process.database, url=Secret.of("postgresql://nobody@127.0.0.1:1/nothing")
    )
    app = create_app(replace(settings, process=replace(settings.process, database=gone)))
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async with serving(app) as base, aiohttp.ClientSession(headers=headers) as http:
        async with http.get(f"{base}/healthz") as alive, http.get(f"{base}/readyz") as ready:
            assert (alive.status, ready.status) == (200, 503)
        async with http.get(f"{base}/internal/v1/tenants") as reply:
            body = await reply.json(content_type="application/problem+json")
            assert (reply.status, body["code"]) == (503, "unavailable")
            assert reply.headers["Retry-After"] == "5"


async def test_redis_is_not_needed_to_answer(settings: ReconcilerSettings) -> None:
    away = replace(settings.process, redis_url=Secret.of("redis://127.0.0.1:1/0"))
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async with (
        serving(create_app(replace(settings, process=away))) as base,
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{base}/internal/v1/tenants", json={"name": "Aurora", "plan": "pro"}) as reply,
    ):
        assert reply.status == 201


async def test_a_packed_body_is_refused_whatever_it_unpacks_to(api: Api) -> None:
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    reply = await api.call("POST", "/tenants", data=gzip.compress(b"{}"), headers=packed)

    assert (reply.status, reply.code) == (415, "not_json")
    assert "compressed" in reply.body["detail"]
