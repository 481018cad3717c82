"""Does a fault to a running system, and returns when it is over."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, assert_never

import psutil
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.chaos.campaign import Campaign
from tests.chaos.plan import (
    ChangeCompany,
    Fault,
    FlushRedis,
    GoLive,
    Kill,
    LoseAnswers,
    Pause,
    Server,
)

SERVERS: Final[frozenset[Server]] = frozenset({"redis-server", "postgres"})
BURST: Final = 40  # sales at once, so that requests of both emitters wait for their turn
BURST_SEEN_WITHIN: Final = 2.0  # seconds


async def do(campaign: Campaign, fault: Fault) -> None:
    """Do one fault; when this returns nothing is stopped, and no answer is lost any more."""
    match fault:
        case Kill(words=words):
            for word in words:
                await _kill(campaign, word)
        case Pause(word=word, one=one, seconds=seconds):
            await _burst(campaign)
            await _pause(_chosen(await campaign.standing(word), one), seconds)
        case FlushRedis():
            await _flush_redis(campaign)
        case LoseAnswers(every=every, seconds=seconds):
            _lose_answers(campaign, every)
            await asyncio.sleep(seconds)
            _calm(campaign)
        case GoLive():
            campaign.environment = "Producao"
            await campaign.connect_issuer(test_sales="issue")
        case ChangeCompany():
            await _change_company(campaign)
        case _:
            assert_never(fault)


async def _kill(campaign: Campaign, word: str) -> None:
    """A server, or every process of a service."""
    found = await campaign.standing(word)
    # Of PostgreSQL the first is the one that the others belong to.
    for process in found[:1] if word in SERVERS else found:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def _chosen(found: Sequence[psutil.Process], one: int | None) -> list[psutil.Process]:
    return list(found) if one is None else [found[one % len(found)]]


async def _pause(processes: Sequence[psutil.Process], seconds: float) -> None:
    try:
        _signal(processes, signal.SIGSTOP)
        await asyncio.sleep(seconds)
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


async def _burst(campaign: Campaign) -> None:
    """Many sales at once; returns when the issuer takes the first of them."""
    newest = max((nota.created for nota in campaign.notas()), default=0.0)
    for _ in range(BURST):
        campaign.sell()
    deadline = time.monotonic() + BURST_SEEN_WITHIN
    while time.monotonic() < deadline:
        await asyncio.sleep(0.02)
        if sum(1 for nota in campaign.notas() if nota.created > newest) > BURST // 10:
            return


async def _flush_redis(campaign: Campaign) -> None:
    config = next((campaign.home / "redis").glob("*.conf")).read_text()
    said = dict(line.split(maxsplit=1) for line in config.splitlines() if " " in line)
    password = said["requirepass"].strip('"')
    # The fault before may have killed it: it answers once it has loaded what it kept.
    async with Redis(
        host="127.0.0.1",
        port=int(said["port"]),
        password=password,
        retry=Retry(ConstantBackoff(0.1), retries=300),
        retry_on_error=[RedisConnectionError, OSError],  # still loading; nobody listens there
    ) as client:
        await client.flushall()


async def _change_company(campaign: Campaign) -> None:
    """With notas of both kinds open at the former one: told of and lost on the way back."""
    _lose_answers(campaign, 3)
    await _burst(campaign)
    campaign.company = 1 - campaign.company
    await campaign.connect_issuer()
    _calm(campaign)


def _lose_answers(campaign: Campaign, every: int) -> None:
    for company in campaign.companies:
        company.weather.add(kind="hang_up", when="after", every=every, method="POST")


def _calm(campaign: Campaign) -> None:
    for company in campaign.companies:
        company.weather.clear()
