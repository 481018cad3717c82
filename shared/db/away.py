"""Whether a failure is the database's, and so everybody's, or that of the rows at hand."""

import asyncpg

# What single values can cause: too long, out of range, refused by a rule of the table.
_OF_ROWS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.CardinalityViolationError,  # one of them twice in a statement that takes each once
)
# A connection that was ended in the middle of a statement may leave its driver at odds with itself,
# which says so by an error that is none of the others' kin.
_AWAY = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
# A database that answers well: somebody holds these rows, or there are too many of them.
_OF_ONE_TENANT = (
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,
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
    return isinstance(error, _AWAY)


def database_away_for_all(error: BaseException) -> bool:
    """Say whether a round over many tenants ends here, since the next one would fare no better.

    Whoever waited too long for rows of one tenant, or for a statement about all that it has, learnt
    nothing about another's.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(database_away_for_all(inner) for inner in error.exceptions)
    return database_away(error) and not isinstance(error, _OF_ONE_TENANT)
