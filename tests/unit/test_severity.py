"""What passes by itself is a warning; what somebody has to make room for is an error."""

import errno
import io
import json
from datetime import timedelta

import asyncpg
import pytest

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
