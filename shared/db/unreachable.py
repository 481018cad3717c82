"""Why the database cannot be used, in words for whoever set its address."""

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import asyncpg

USUAL_PORT: Final = 5432


class DatabaseAwayError(Exception):
    """The database cannot be used as it is configured; the text says what to look at."""


def told(error: BaseException, url: str) -> str | None:
    """What stands between us and the database at `url`; None for what has another cause.

    Neither user nor password is repeated.
    """
    parts = urlsplit(url)
    place = f"PostgreSQL at {parts.hostname}:{parts.port or USUAL_PORT}"
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"DATABASE_URL: {place} refuses this user or password."
        case asyncpg.InvalidCatalogNameError():
            name = parts.path.lstrip("/") or "of the user's name"
            return f"DATABASE_URL: {place} has no database {name}; create it, or name another."
        case asyncpg.ClientConfigurationError():
            return (
                "DATABASE_URL: what follows the ? in it cannot be; sslmode, for one, has six words."
            )
        case asyncpg.UndefinedObjectError() if parts.query and "configuration" in str(error):
            return f"DATABASE_URL: {place} knows no parameter of a name that follows the ? in it."
        case asyncpg.ProtocolViolationError() if "startup parameter" in str(error):
            return f"DATABASE_URL: {parts.hostname} is a pooler; set DATABASE_POOLER=pgbouncer."
        case asyncpg.TooManyConnectionsError():
            return (
                f"DATABASE_URL: {place} takes no more connections; lower DATABASE_POOL_SIZE, put"
                " PgBouncer before it, or raise its max_connections."
            )
        case asyncpg.CannotConnectNowError():
            return f"DATABASE_URL: {place} is starting, stopping or recovering; try again soon."
        case asyncpg.InsufficientPrivilegeError():
            return (
                f"The role of DATABASE_URL may not do that: {error}. docs/runbooks/database.md says"
                " which rights it needs."
            )
        case socket.gaierror():
            return f"DATABASE_URL: nobody knows a machine named {parts.hostname}."
        case ssl.SSLError():
            return (
                f"DATABASE_URL: {place} and we agree on no TLS; does its certificate fit sslmode?"
            )
        case ConnectionError() if "SSL" in str(error):
            return f"DATABASE_URL: {place} speaks no TLS, which sslmode demands."
        case FileNotFoundError():
            return "DATABASE_URL: a socket, certificate or key that it names is not there."
        case TimeoutError():
            return f"DATABASE_URL: {place} does not answer; is the port open from here?"
        case OSError() | asyncpg.ConnectionDoesNotExistError():
            return f"DATABASE_URL: {place} cannot be reached; does it run, and listen there?"
        case _:
            return None


def told_of_work(error: BaseException, url: str) -> str | None:
    """What ended a command in the middle of its work at the database; None as `told`."""
    parts = urlsplit(url)
    place = f"PostgreSQL at {parts.hostname}:{parts.port or USUAL_PORT}"
    match error:
        case asyncpg.ReadOnlySQLTransactionError():
            return (
                f"DATABASE_URL: {place} takes no writes: it is a replica, or"
                " default_transaction_read_only is on there. Name the one that is written."
            )
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return (
                f"DATABASE_URL: {place} has not the tables of this version there ({error}); run"
                " `make migrate` first."
            )
        case (
            asyncpg.DuplicateTableError()
            | asyncpg.DuplicateObjectError()
            | asyncpg.DuplicateFunctionError()
        ):
            return (
                f"DATABASE_URL: what {place} holds there is not ours ({error}); give us a database"
                " of our own."
            )
        case asyncpg.DiskFullError():
            return f"{place} has no room left on its disk ({error}). Make room, and run it again."
        case asyncpg.QueryCanceledError():
            return f"{place} broke a statement off ({error}). Run it again."
        case asyncpg.AdminShutdownError() | asyncpg.CrashShutdownError():
            return f"{place} ended in the middle of it ({error}). Run it again once it is back."
        case _:
            return told(error, url)
