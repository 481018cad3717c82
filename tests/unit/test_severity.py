"""What passes by itself is a warning; what somebody has to see to is an error."""

import errno
import io
import json
from datetime import timedelta

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import OutOfMemoryError as RedisFull
from redis.exceptions import ResponseError

from shared.run.loops import Next, Periodic
from shared.telemetry.logs import configure_logs
from shared.telemetry.severity import severity


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (asyncpg.DiskFullError("could not extend file"), "error"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), "error"),
        (asyncpg.OutOfMemoryError("out of memory"), "error"),
        (OSError(errno.ENOSPC, "No space left on device"), "error"),
        (OSError(errno.EMFILE, "Too many open files"), "error"),
        (MemoryError(), "error"),
        (ExceptionGroup("", [ValueError(), asyncpg.DiskFullError("full")]), "error"),
        (asyncpg.InvalidPasswordError("refused"), "error"),
        (asyncpg.InvalidCatalogNameError("no such database"), "error"),
        (asyncpg.UndefinedTableError("not migrated"), "error"),
        (asyncpg.InsufficientPrivilegeError("not granted"), "error"),
        (asyncpg.PostgresIOError("could not read block"), "error"),
        (RedisFull("command not allowed when used memory > 'maxmemory'"), "error"),
        (ResponseError("MISCONF Redis is configured to save, but cannot"), "error"),
        (KeyError("a mistake of ours"), "error"),
        (TypeError("a mistake of ours"), "error"),
        (ResponseError("LOADING the dataset"), "warning"),
        (RedisAway("refused"), "warning"),
        (asyncpg.InvalidCachedStatementError("the plan is old"), "warning"),
        (asyncpg.ReadOnlySQLTransactionError("a replica"), "warning"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "warning"),
        (asyncpg.CannotConnectNowError("starting up"), "warning"),
        (asyncpg.DeadlockDetectedError("deadlock"), "warning"),
        (TimeoutError(), "warning"),
    ],
)
async def test_a_loop_tells_a_failure_as_loudly_as_it_deserves(
    error: Exception, level: str
) -> None:
    told = io.StringIO()
    configure_logs("test", level="info", format="json", stream=told)
    steps = iter([error, None])

    async def step() -> Next:
        failed = next(steps)
        if failed is not None:
            raise failed
        return Next.NEVER

    await Periodic(name="x", step=step, every=timedelta(), failed="x_rests").run()

    [line] = [json.loads(text) for text in told.getvalue().splitlines()]
    assert (line["event"], line["level"]) == ("x_rests", level)


def test_what_an_error_was_raised_from_counts() -> None:
    full = asyncpg.DiskFullError("full")
    wrapped = RuntimeError()
    wrapped.__cause__ = full

    assert severity(wrapped) == severity(full) > severity(RuntimeError())
