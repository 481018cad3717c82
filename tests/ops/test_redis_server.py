"""Which server `make up` runs: one that somebody still mends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.local.redis import OLDEST, redis_binary, running_redis
from shared.net.redis import redis_client


@pytest.fixture(autouse=True)
def _asked_afresh() -> Iterator[None]:
    redis_binary.cache_clear()
    yield
    redis_binary.cache_clear()


def on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> Path:
    """A server of the machine's that says its version, before all others."""
    server = folder / "redis-server"
    server.write_text(f"#!/bin/sh\necho '{said}'\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return server


@pytest.mark.parametrize(
    "said",
    [
        "Redis server v=7.2.11 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64",
        "Valkey server v=10.0.0 sha=00000000:1 malloc=libc bits=64",
    ],
)
def test_the_machines_own_server_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    assert redis_binary() != str(on_path(tmp_path, monkeypatch, said))
    redis_binary.cache_clear()

    assert redis_binary() == str(tmp_path / "redis-server")


@pytest.mark.parametrize("said", ["Redis server v=6.2.14 sha=00000000:0", "Redis", ""])
def test_one_that_nobody_mends_any_more_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    old = on_path(tmp_path, monkeypatch, said)

    assert redis_binary() != str(old)


async def test_the_server_of_the_wheel_answers_as_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    async with running_redis(tmp_path) as server, redis_client(server.url()) as client:
        told = await client.info("server")
        assert await client.set("name", "value")

    version = str(told.get("valkey_version") or told["redis_version"])
    assert tuple(map(int, version.split("."))) >= OLDEST
