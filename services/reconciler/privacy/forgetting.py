"""What time ends is ended, some times a day, until cancelled."""

from datetime import timedelta
from functools import partial
from typing import Final

from prometheus_client import Counter, Gauge

from services.reconciler.services import Services
from shared.commands.privacy.retention import Round, sweep_once
from shared.run.loops import Next, Periodic

EVERY: Final = timedelta(hours=6)
AFTER_FAILURE: Final = timedelta(minutes=5)

ENDED: Final = Counter(
    "notaponte_retention_rows_total", "Rows whose time was up, by what they hold.", ["what"]
)
DONE_AT: Final = Gauge(
    "notaponte_retention_done_timestamp_seconds",
    "When nothing was left whose time is up; 0 before the first time.",
)


async def forget_what_is_over(services: Services) -> None:
    """Sweep round by round; rest once a round found nothing."""
    await Periodic(
        name="retention",
        step=partial(retention_round, services),
        every=EVERY,
        after_failure=AFTER_FAILURE,
        failed="retention_waits",
    ).run()


async def retention_round(services: Services) -> Next | None:
    """A batch of everything at everyone; at once again while something was found."""
    ended = await sweep_once(
        Round(
            pool=services.pool,
            sealer=services.sealer,
            years=services.fiscal_years,
            ended=lambda what, rows: ENDED.labels(what).inc(rows),
        )
    )
    if ended:
        return Next.AT_ONCE
    DONE_AT.set_to_current_time()
    return None
