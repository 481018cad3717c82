"""Where a company's own RPS numbers go on, by a person's word."""

from shared.db import clock
from shared.db.connection import Pool
from shared.db.outbox import outbox_wakes
from shared.db.tenants import audit_store, nota_connections_store, rps_store, tenants_store
from shared.db.tenants.rps_store import Series, SeriesKey
from shared.domain.ids import TenantId
from shared.run.waker import Waker

START_MISSING = "rps_start_missing"


class RpsRefused(Exception):
    """The series stays as it is.

    `issuer_not_connected`, `rps_number_given` (not above `last`), `rps_series_elsewhere` (another
    tenant numbers it for the same company).
    """

    def __init__(self, code: str, *, last: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.last = last


async def put_next_number(
    pool: Pool, waker: Waker, tenant: TenantId, series: str, number: int, *, reason: str, by: str
) -> Series:
    """Say which number of a series comes next, for the company and environment in use.

    Never one that was handed out, nor one below: a number is given once. What waits for it goes
    on. Safe to repeat until a number was handed out. Raises RpsRefused.
    """
    async with pool.acquire() as conn, conn.transaction():
        await tenants_store.lock(conn, tenant)  # no emitter hands out a number meanwhile
        current = await nota_connections_store.current_id(conn, tenant)
        if current is None:
            raise RpsRefused("issuer_not_connected")
        key = SeriesKey(connection_id=current, series=series)
        last = await rps_store.last_given(conn, tenant, key)
        if last is not None and number <= last:
            raise RpsRefused("rps_number_given", last=last)
        if await rps_store.numbered_elsewhere_any_tenant(conn, tenant, key):
            raise RpsRefused("rps_series_elsewhere")
        now = await clock.now(conn)
        await rps_store.put(conn, tenant, key, next_number=number, by=by, reason=reason, now=now)
        detail = {"series": series, "next_number": number, "reason": reason}
        await audit_store.add(conn, tenant, actor=by, action="rps_series_put", detail=detail)
        await outbox_wakes.wake_stopped(conn, tenant, [START_MISSING])
        found = await rps_store.list_series(conn, tenant, current)
    await waker.ring()
    return next(one for one in found if one.in_use and one.series == series)
