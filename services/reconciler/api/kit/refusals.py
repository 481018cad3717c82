"""Refusals of the set-up as answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from services.reconciler.api.kit.problem import Problem, ProblemWarning
from shared.commands.checks import SetUpRefused, SideUnreachable

# A state that forbids the call is a conflict; what was sent and does not work is not.
_CONFLICTS: Final = frozenset(
    {
        "setup_incomplete",
        "not_active",
        "confirm_needed",
        "connected_meanwhile",
        "already_issuing",
        "not_in_shadow",
        "departing",
        "not_departing",
    }
)


@asynccontextmanager
async def refusing() -> AsyncIterator[None]:
    """Turn what the set-up refuses inside the block into a Problem: 409, 422 or 502."""
    try:
        yield
    except SetUpRefused as error:
        status = 409 if error.code in _CONFLICTS else 422
        warnings = tuple(
            ProblemWarning(code=notice.code, message=notice.message, field=notice.field)
            for notice in error.warnings
        )
        raise Problem(
            status, error.code, str(error), missing=error.missing, warnings=warnings
        ) from error
    except SideUnreachable as error:
        raise Problem(502, error.code, str(error)) from error
