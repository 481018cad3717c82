"""Whether a failure is the database's, and so everybody's, or that of the rows at hand."""

import asyncpg

# What single values can cause: too long, out of range, refused by a rule of the table.
_OF_ROWS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)


def database_away(error: BaseException) -> bool:
    """Say whether nothing can be written now, whichever sale it is about.

    The database is away, being replaced, full, or has another schema than this code: no sale must
    be held for that. A client's time-out counts too: what it waited for was a connection.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(database_away(inner) for inner in error.exceptions)
    if isinstance(error, _OF_ROWS):
        return False
    ours = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
    return isinstance(error, ours)
