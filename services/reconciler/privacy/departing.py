"""Deletes tenants whose time to leave has come, some rows of each in turn, until cancelled."""

from datetime import timedelta
from functools import partial
from typing import Final

from prometheus_client import Counter

from services.reconciler.rounds import Pieces, round_of
from services.reconciler.services import Services
from shared.commands.privacy.depart import put_off_departure, step_departure
from shared.db.privacy import departures_store
from shared.run.loops import Next, Periodic

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
    pool = services.pool
    work = Pieces(
        waiting=partial(departures_store.waiting_any_tenant, limit=A_ROUND),
        step=partial(step_departure, pool),
        put_off=partial(put_off_departure, pool),
        failed="departure_failed",
        told=lambda tenant: {"tenant_id": tenant},
        steps=STEPS,
    )
    return await round_of(pool, work)
