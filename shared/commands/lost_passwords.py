"""A new password for whoever can read mail at an address of ours."""

from shared.commands.people import password_link
from shared.commands.sign_in import Door, is_slowed_down
from shared.db.people import people_store
from shared.domain.people import plain_email


async def forgotten_password(door: Door, email: str, source: str) -> str | None:
    """Make a password link for whoever has this address; None for nobody, or after many tries.

    Only what goes to the address itself may follow: who asks learns nothing.
    """
    plain = plain_email(email)
    if plain is None or await is_slowed_down(door, f"reset:{source}", f"reset:{plain}"):
        return None
    async with door.pool.acquire() as conn:
        account = await people_store.by_email(conn, door.sealer, plain)
    if account is None:
        return None
    return await password_link(door.pool, door.sealer, account.person.id, by="forgotten password")
