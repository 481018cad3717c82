"""What waits in the database, as metrics. Every replica shows the same; whoever reads takes one."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from itertools import product
from typing import Final

from prometheus_client import Gauge

from services.reconciler.services import Services
from shared.db.connection import Connection
from shared.db.outbox import depths_read
from shared.db.outbox.depths_read import Depth
from shared.db.outbox.outbox_store import Lane
from shared.db.restores import restores_store
from shared.domain.sale import SaleStatus
from shared.run.loops import Periodic

LOOK_EVERY: Final = timedelta(seconds=15)
COUNT_EVERY: Final = timedelta(seconds=60)
LANES: Final[dict[Lane, str]] = {0: "live", 1: "found", 2: "backfill"}
SHOWN: Final = (
    SaleStatus.QUEUED,
    SaleStatus.ISSUING,
    SaleStatus.UNCERTAIN,
    SaleStatus.DENIED,
    SaleStatus.HELD,
)
BY_CAUSE: Final = (SaleStatus.HELD, SaleStatus.DENIED)
DepthReader = Callable[[Connection], Awaitable[Depth]]
# What people asked for, and one worker after the other does: each could go on, and nobody is at it.
JOB_KINDS: Final[Mapping[str, DepthReader]] = {
    "backfill": depths_read.backfills_any_tenant,
    "bulk": depths_read.bulk_jobs_any_tenant,
    "closing_check": depths_read.closing_checks_any_tenant,
    "month_file": depths_read.month_files_any_tenant,
}
# What the law wants done, from when it was asked for or due.
DUTIES: Final[Mapping[str, DepthReader]] = {
    "erasure": depths_read.erasures_any_tenant,
    "departure": depths_read.departures_any_tenant,
}
BREAKERS: Final = tuple(product(("issuer", "city", "host", "company"), ("open", "restarting")))

OLDEST_DUE: Final = Gauge(
    "notaponte_oldest_due_seconds",
    "How long the oldest sale that is due has been, by lane; 0 without any.",
    ["lane"],
)
DUE: Final = Gauge(
    "notaponte_due_sales", "Sales that are due, at most 1,000 of each tenant.", ["lane"]
)
LEASED: Final = Gauge("notaponte_leased_sales", "Sales that emitters are working on.")
STANDING: Final = Gauge(
    "notaponte_sales_standing", "Sales by status, at most 1,000 of each tenant.", ["status"]
)
STOPPED: Final = Gauge(
    "notaponte_sales_stopped",
    "Sales held or denied by the code of why, at most 1,000 of each tenant.",
    ["status", "cause"],
)
# Those that this process has shown: who stands there no more is shown as 0. Some dozens of codes.
CAUSES: Final[dict[SaleStatus, set[str]]] = {status: set() for status in BY_CAUSE}
OLDEST_PASS: Final = Gauge(
    "notaponte_reconciler_lag_seconds", "How overdue the account is that waits longest to be read."
)
DUE_PASSES: Final = Gauge("notaponte_reconciler_due_passes", "Accounts that nobody reads yet.")
OLDEST_DELIVERY: Final = Gauge(
    "notaponte_status_webhooks_lag_seconds", "How overdue the oldest status webhook is."
)
DELIVERIES: Final = Gauge("notaponte_status_webhooks_due", "Status webhooks that should be out.")
OLDEST_JOB: Final = Gauge(
    "notaponte_jobs_lag_seconds", "For how long the longest waiting job of a kind has.", ["kind"]
)
JOBS: Final = Gauge(
    "notaponte_jobs_waiting",
    "Backfills, actions for many sales, checks and files of months that nobody works on yet.",
    ["kind"],
)
OLDEST_DUTY: Final = Gauge(
    "notaponte_privacy_oldest_seconds",
    "How long ago the oldest erasure that is not done was asked for, or a departure was due.",
    ["kind"],
)
DUTIES_OPEN: Final = Gauge(
    "notaponte_privacy_open", "Erasures, and departures that are due, that are not done.", ["kind"]
)
RESTORED_AT: Final = Gauge(
    "notaponte_restored_timestamp_seconds",
    "When an older copy of the database was noticed last; 0 if never.",
)
OLDEST_UNREAD: Final = Gauge(
    "notaponte_restore_wait_seconds",
    "For how long the company that waits longest issues nothing because of a restore.",
)
UNREAD: Final = Gauge(
    "notaponte_restore_companies_waiting",
    "Companies that issue nothing until their issuer's list was read for a restore.",
)
UNKNOWN: Final = Gauge(
    "notaponte_restore_notas_unknown", "Notas found after a restore that are not known again yet."
)
BREAKER: Final = Gauge(
    "notaponte_breakers", "Breakers that are not closed, by scope and state.", ["scope", "state"]
)
SEEN_AT: Final = Gauge(
    "notaponte_depths_seen_timestamp_seconds", "When what waits was last looked at."
)


async def look(conn: Connection) -> None:
    """Show what waits now."""
    for lane, name in LANES.items():
        _show(
            await depths_read.due_any_tenant(conn, lane), OLDEST_DUE.labels(name), DUE.labels(name)
        )
    LEASED.set(await depths_read.leased_any_tenant(conn))
    _show(await depths_read.passes_any_tenant(conn), OLDEST_PASS, DUE_PASSES)
    _show(await depths_read.deliveries_any_tenant(conn), OLDEST_DELIVERY, DELIVERIES)
    for kind, read in JOB_KINDS.items():
        _show(await read(conn), OLDEST_JOB.labels(kind), JOBS.labels(kind))
    for kind, read in DUTIES.items():
        _show(await read(conn), OLDEST_DUTY.labels(kind), DUTIES_OPEN.labels(kind))
    await _look_at_restores(conn)
    found = await depths_read.breakers_any_tenant(conn)
    for scope, state in BREAKERS:
        BREAKER.labels(scope, state).set(found.get((scope, state), 0))
    SEEN_AT.set_to_current_time()


async def _look_at_restores(conn: Connection) -> None:
    restore = await restores_store.newest(conn)
    RESTORED_AT.set(restore.noticed_at.timestamp() if restore else 0)
    _show(await depths_read.unread_lists_any_tenant(conn), OLDEST_UNREAD, UNREAD)
    UNKNOWN.set(await depths_read.unknown_notas_any_tenant(conn))


async def count(conn: Connection) -> None:
    """Show how many sales stand where."""
    for status in SHOWN:
        found = await depths_read.standing_any_tenant(conn, status)
        STANDING.labels(status.value).set(found)
    for status in BY_CAUSE:
        standing = await depths_read.stopped_any_tenant(conn, status)
        CAUSES[status] |= standing.keys()
        for cause in CAUSES[status]:
            STOPPED.labels(status.value, cause).set(standing.get(cause, 0))


def _show(depth: Depth, oldest: Gauge, waiting: Gauge) -> None:
    oldest.set(depth.oldest_for.total_seconds())
    waiting.set(depth.waiting)


async def look_at_depths(services: Services) -> None:
    """Keep the gauges of what waits, until cancelled."""

    async def step() -> None:
        async with services.pool.acquire() as conn:
            await look(conn)

    await Periodic(name="depths", step=step, every=LOOK_EVERY, failed="depths_not_seen").run()


async def count_standing(services: Services) -> None:
    """Keep the gauges of where sales stand, until cancelled."""

    async def step() -> None:
        async with services.pool.acquire() as conn:
            await count(conn)

    await Periodic(name="standing", step=step, every=COUNT_EVERY, failed="standing_not_seen").run()
