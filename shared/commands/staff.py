"""Our own people: invited, listed, dismissed. Only whoever has the database may do so."""

from collections.abc import Sequence

from shared.commands.people import invite
from shared.crypto.seal import Sealer
from shared.db import clock
from shared.db.connection import Connection, Pool
from shared.db.people import links_store, people_store, sessions_store, staff_store
from shared.db.people.links_store import Link
from shared.db.people.staff_store import StaffMember
from shared.db.tenants import audit_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.people import STAFF, Staff, StaffRefused


async def list_staff(pool: Pool, sealer: Sealer) -> Sequence[StaffMember]:
    """Everybody who sees all tenants."""
    async with pool.acquire() as conn:
        return await staff_store.list_all(conn, sealer)


async def open_staff_invitations(pool: Pool, sealer: Sealer) -> Sequence[Link]:
    """Invitations to our own staff that nobody has followed yet, the oldest first."""
    async with pool.acquire() as conn:
        return await _invitations(conn, sealer)


async def _invitations(conn: Connection, sealer: Sealer) -> list[Link]:
    now = await clock.now(conn)
    found = await links_store.open_invitations(conn, sealer, NO_TENANT, now)
    return [one for one in found if one.role in STAFF]  # the first owner's lies there too


async def withdraw_staff_invitations(
    pool: Pool, sealer: Sealer, *, email: str | None, role: Staff | None, by: str
) -> int:
    """Take back those of an address, or those of a role that name none; how many. Repeatable."""
    async with pool.acquire() as conn, conn.transaction():
        ended = 0
        for one in await _invitations(conn, sealer):
            if one.email == email and (email is not None or one.role == role):
                ended += await links_store.withdraw(conn, NO_TENANT, one.token_hash)
        if ended:
            await audit_store.add(conn, NO_TENANT, actor=by, action="invitation_withdrawn")
    return ended


async def invite_staff(
    pool: Pool, sealer: Sealer, role: Staff, *, email: str | None, by: str
) -> str:
    """The token of an invitation to our own staff, kept nowhere; `email` as `plain_email` gives it.

    StaffRefused where that address has an account: a role of ours goes with an account of its own.
    """
    if email is not None:
        async with pool.acquire() as conn:
            known = await people_store.by_email(conn, sealer, email)
        if known is not None:
            raise StaffRefused(
                f"{email} has an account already; staff have one of their own, by another address."
            )
    return await invite(pool, sealer, NO_TENANT, role, email=email, by=by)


async def dismiss_staff(pool: Pool, sealer: Sealer, email: str, *, by: str) -> StaffMember:
    """End what one of ours may do, at once and in every browser; raises StaffRefused."""
    async with pool.acquire() as conn, conn.transaction():
        found = [one for one in await staff_store.list_all(conn, sealer) if one.email == email]
        if not found or not await staff_store.dismiss(conn, found[0].id):
            raise StaffRefused(f"Nobody of the staff has the address {email}.")
        await sessions_store.end_all(conn, found[0].id)
        detail = {"person": found[0].id, "role": found[0].role}
        await audit_store.add(conn, NO_TENANT, actor=by, action="staff_dismissed", detail=detail)
    return found[0]
