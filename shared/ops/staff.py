"""Our own people from the command line: invite one, list them, dismiss one."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from shared.commands.staff import (
    dismiss_staff,
    invite_staff,
    list_staff,
    open_staff_invitations,
    withdraw_staff_invitations,
)
from shared.config.env import Env
from shared.config.settings import read_database, read_public_panel_url
from shared.crypto.seal import Sealer
from shared.db.connection import Pool, open_pool
from shared.db.people.links_store import Link
from shared.db.people.staff_store import StaffMember
from shared.domain.people import STAFF, Staff, StaffRefused, plain_email
from shared.local.home import known_settings

SHOWN: Final = "%Y-%m-%d %H:%M UTC"


async def run_staff(
    env: Mapping[str, str], console: Console, *, role: str, email: str, remove: bool, by: str
) -> None:
    """With a role invite, with `remove` end what an address has, else list all.

    `remove` with a role alone ends its invitations that name no address.

    Raises SettingsError with all that was said wrong, and StaffRefused.
    """
    with Env(values=known_settings(env)) as var:
        database = read_database(var)
        keys = var.secret_keys("SECRET_KEYS")
        panel = read_public_panel_url(var)
        address = plain_email(email) if email else None
        if (email or (remove and not role)) and address is None:
            var.problem("EMAIL", "must be an e-mail address.")
        wanted: Staff | None = next((one for one in STAFF if one == role), None)
        if role and wanted is None:
            var.problem("ROLE", f"must be one of: {', '.join(STAFF)}.")
        if address is not None and wanted is None and not remove:
            var.problem("ROLE", "is missing: support or operator; or REMOVE=1.")
    sealer = Sealer.from_text(key.reveal() for key in keys)
    async with open_pool(database, application="staff") as pool:
        if remove:
            await _remove(pool, sealer, console, address, wanted, by)
        elif wanted is not None:
            token = await invite_staff(pool, sealer, wanted, email=address, by=by)
            whom = address or "whoever has the link"
            console.print(f"An invitation for {whom}, as {wanted}, for seven days and for once:")
            console.print(f"{panel}/convite/{token}", soft_wrap=True, highlight=False, markup=False)
        else:
            invited = await open_staff_invitations(pool, sealer)
            console.print(_table(await list_staff(pool, sealer), invited))


async def _remove(
    pool: Pool, sealer: Sealer, console: Console, email: str | None, role: Staff | None, by: str
) -> None:
    """An account, and what invites to one: a link that was sent lets in for a week."""
    ended = await withdraw_staff_invitations(pool, sealer, email=email, role=role, by=by)
    if ended:
        console.print(f"Invitations that lead nowhere from now on: {ended}.")
    if email is None:
        if not ended:
            raise StaffRefused(f"No invitation as {role} without an address is open.")
        return
    try:
        gone = await dismiss_staff(pool, sealer, email, by=by)
    except StaffRefused:
        if not ended:
            raise
    else:
        console.print(f"{gone.name} ({gone.role}) is signed out and sees no company any more.")


def _table(staff: Sequence[StaffMember], invited: Sequence[Link]) -> Table:
    table = Table("name", "e-mail", "role", "since")
    for one in staff:
        table.add_row(one.name, one.email, one.role, f"{one.since:{SHOWN}}")
    for link in invited:
        whom = link.email or "whoever has the link"
        table.add_row("(invited)", whom, link.role, f"until {link.expires_at:{SHOWN}}")
    return table
