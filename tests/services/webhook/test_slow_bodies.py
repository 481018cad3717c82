"""A body that never ends: its sender is told, and what it held is there for others."""

import asyncio
from dataclasses import replace
from urllib.parse import urlsplit

from shared.config.door import DoorSettings
from shared.config.settings import load_webhook
from tests.services.webhook.conftest import Tenant, serving, settings_for

MIB = 1024 * 1024
PATIENCE = 60.0  # seconds; a loaded machine is slow
MORE_THAN_ITS_SHARE = 10  # bodies of nearly a MiB each; a tenant has 8 MiB at a time


async def test_a_late_body_ends_and_gives_back_what_it_held(database: str, tenant: Tenant) -> None:
    settings = settings_for(database)
    door = DoorSettings(body_seconds=0.5)
    settings = replace(settings, process=replace(settings.process, door=door))
    path = f"/v1/vindi/{tenant.vindi}"
    async with serving(settings) as client:
        late = [_begun(client.base, path) for _ in range(MORE_THAN_ITS_SHARE)]
        async with asyncio.timeout(PATIENCE):
            statuses = set(await asyncio.gather(*late))
        after = await client.send(path)

    assert b"408" in statuses
    assert statuses <= {b"408", b"503"}
    assert after.status == 200


def test_a_delivery_has_less_time_than_its_sender_waits(database: str) -> None:
    settings = load_webhook(
        {
            "DATABASE_URL": database,
            "REDIS_URL": "redis://127.0.0.1/0",
            "SECRET_KEYS": "A" * 43 + "=",
        }
    )

    assert settings.process.door.body_seconds < 20


async def _begun(base: str, path: str) -> bytes:
    """Send all but the last byte of a large body; the status that came."""
    place = urlsplit(base)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(
            f"POST {path} HTTP/1.1\r\nhost: here\r\ncontent-length: {MIB}\r\n\r\n".encode()
        )
        writer.write(bytes(MIB - 1))
        return (await reader.readline()).split()[1]
    finally:
        writer.close()
