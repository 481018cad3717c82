"""A new password for whoever can read mail at an address of ours."""

from typing import Final

from shared.commands.people import password_link
from shared.commands.sign_in import Door, is_slowed_down
from shared.db.people import links_store, people_store
from shared.db.tenants.audit_store import NO_TENANT
from shared.domain.people import plain_email

FORGOTTEN: Final = "forgotten password"
MOST_OPEN: Final = 10  # unused at one time, of one person


async def forgotten_password(door: Door, email: str, source: str) -> str | None:
    """Make a password link for whoever has this address; None for nobody, or after many tries.

    Only what goes to the address itself may follow: who asks learns nothing. Links that were sent
    before stay good, and with some of them unused no more is sent: whoever asks in another's name
    spoils nothing of theirs.
    """
    plain = plain_email(email)
    if plain is None or await is_slowed_down(door, f"reset:{source}", f"reset:{plain}"):
        return None
    async with door.pool.acquire() as conn:
        person = await people_store.find(conn, door.sealer, plain)
        if person is None:
            return None
        unused = await links_store.open_passwords(conn, NO_TENANT, person, FORGOTTEN)
    if unused >= MOST_OPEN:
        return None
    return await password_link(door.pool, door.sealer, person, by=FORGOTTEN, instead=False)
