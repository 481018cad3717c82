"""A company that waits to be deleted says so where people look first."""

from services.panel.kit.page import Visit
from shared.db.privacy import departures_store
from shared.db.privacy.departures_store import Departure


async def departing(visit: Visit) -> Departure | None:
    """The departure that is under way; whoever issues is in none, so that nothing is asked then."""
    if visit.tenant.status in ("active", "shadow"):
        return None
    async with visit.pool.acquire() as conn:
        found = await departures_store.get(conn, visit.tenant.id)
    return found if found is not None and found.state in ("waiting", "deleting") else None
