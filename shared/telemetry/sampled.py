"""Gauges that are looked at now and then: setting them at each change would cost every event."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import Gauge

EVERY_SECONDS: Final = 1.0


async def sample_for_ever(gauges: Mapping[Gauge, Callable[[], float]]) -> None:
    """Show what each function says, once a second, until cancelled."""
    while True:
        sample(gauges)
        await asyncio.sleep(EVERY_SECONDS)


def sample(gauges: Mapping[Gauge, Callable[[], float]]) -> None:
    """Show what each function says now."""
    for gauge, look in gauges.items():
        gauge.set(look())
