"""Works on erasures, a batch of each in turn: none waits for the customer of a large tenant."""

from datetime import timedelta
from functools import partial
from typing import Final

from prometheus_client import Counter

from services.reconciler.rounds import Pieces, round_of
from services.reconciler.services import Services
from shared.commands.privacy.erase import put_off_erasure, step_erasure
from shared.db.privacy import erasures_store
from shared.run.loops import Next, Periodic

LOOK_EVERY: Final = timedelta(seconds=5)
A_ROUND: Final = 20

STEPS: Final = Counter(
    "notaponte_erasure_steps_total", "Batches of erasures of customers, by outcome.", ["outcome"]
)
for _outcome in ("done", "failed"):
    STEPS.labels(_outcome)  # shown as 0 before the first, so that the first is a rise


async def work_on_erasures(services: Services) -> None:
    """Take what waits round by round, until cancelled."""
    await Periodic(
        name="erasures",
        step=partial(erasure_round, services),
        every=LOOK_EVERY,
        failed="erasures_wait",
    ).run()


async def erasure_round(services: Services) -> Next | None:
    """A batch of every erasure whose turn it is, the one first that waits longest."""
    pool, sealer = services.pool, services.sealer
    work = Pieces(
        waiting=partial(erasures_store.waiting_any_tenant, limit=A_ROUND),
        step=lambda one: step_erasure(pool, sealer, *one, years=services.fiscal_years),
        put_off=lambda one: put_off_erasure(pool, *one),
        failed="erasure_failed",
        told=lambda one: {"tenant_id": one[0], "erasure_id": one[1]},
        steps=STEPS,
    )
    return await round_of(pool, work)
