"""Deletes tenants whose time to leave has come, some rows of each in turn, until cancelled."""

from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from prometheus_client import Counter

from services.reconciler.services import Services
from shared.commands.privacy.depart import put_off_departure, step_departure
from shared.db.away import database_away
from shared.db.privacy import departures_store
from shared.run.loops import Next, Periodic

log = structlog.get_logger()

LOOK_EVERY: Final = timedelta(minutes=1)
A_ROUND: Final = 20

STEPS: Final = Counter(
    "notaponte_departure_steps_total",
    "Steps of deleting tenants that left, by outcome.",
    ["outcome"],
)
for _outcome in ("done", "failed"):
    STEPS.labels(_outcome)  # shown as 0 before the first, so that the first is a rise


async def delete_departed(services: Services) -> None:
    """Take whoever's time has come round by round, until cancelled."""
    await Periodic(
        name="departures",
        step=partial(departure_round, services),
        every=LOOK_EVERY,
        failed="departures_wait",
    ).run()


async def departure_round(services: Services) -> Next | None:
    """A step of every tenant whose time has come, the one first that waits longest."""
    async with services.pool.acquire() as conn:
        waiting = await departures_store.waiting_any_tenant(conn, limit=A_ROUND)
    worked = False
    for tenant in waiting:
        try:
            worked |= await step_departure(services.pool, tenant)
            STEPS.labels("done").inc()
        except Exception as error:
            if database_away(error):
                raise
            STEPS.labels("failed").inc()
            log.exception("departure_failed", tenant_id=tenant)
            await put_off_departure(services.pool, tenant)
    return Next.AT_ONCE if worked else None
