"""The logins of services, which own nothing: made by whoever migrates, each with its password.

Passwords are sent as what PostgreSQL keeps of them (SCRAM-SHA-256, RFC 5802 and 7677), so that no
log of statements shows one.
"""

import base64
import hashlib
import hmac
import os
from typing import Final

from shared.config.secret import Secret
from shared.db.connection import Connection

# By the setting that holds the password. The panel's differs so that it can be told apart in
# pg_stat_activity and locked out alone; what each may do is the group's.
LOGINS: Final = {"SERVICES_PASSWORD": "notaponte_app", "PANEL_PASSWORD": "notaponte_panel_app"}
GROUP: Final = "notaponte_services"  # migration 0033 makes it
_ITERATIONS: Final = 4096  # PostgreSQL's own; these are long random words

LET_IN: Final = """
    -- logins.let_in
    SELECT format('%s ROLE %I LOGIN INHERIT PASSWORD %L; GRANT %I TO %I',
                  CASE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = $1::text)
                       THEN 'ALTER' ELSE 'CREATE' END,
                  $1::text, $2::text, $3::text, $1::text)
"""


async def let_in(conn: Connection, login: str, password: Secret) -> None:
    """Make a login of the services' group, or give it this password. Safe to repeat.

    Raises asyncpg.InsufficientPrivilegeError where whoever migrates may not make roles, ValueError
    for a password that is not plain ASCII.
    """
    verifier = scram_verifier(password.reveal(), os.urandom(16))
    async with conn.transaction():
        await conn.execute(await conn.fetchval(LET_IN, login, verifier, GROUP))


def scram_verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps of a password. ASCII alone: other letters would have to be prepared."""
    if not password.isascii() or not password.isprintable():
        raise ValueError("a database password of plain ASCII is needed")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    said = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ITERATIONS}:{said[0]}${said[1]}:{said[2]}"
