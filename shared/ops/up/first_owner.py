"""Where the first owner of a panel makes an account: a link for once.

Run as a program of its own, since what it loads is needed once: it prints the link, or nothing.
"""

import asyncio
import os
import sys
from collections.abc import Mapping

from shared.commands.people import first_owner_url
from shared.config.env import Env
from shared.config.settings import read_database
from shared.crypto.seal import Sealer
from shared.db.connection import open_pool


async def link(env: Mapping[str, str], panel_url: str) -> str | None:
    """The address for whoever is first; None once anybody can sign in."""
    with Env(values=env) as var:
        keys = var.secret_keys("SECRET_KEYS")
        settings = read_database(var)
    async with open_pool(settings, application="up") as pool:
        sealer = Sealer.from_text(key.reveal() for key in keys)
        return await first_owner_url(pool, sealer, panel_url.rstrip("/"))


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(link(os.environ, sys.argv[1])) or "")
