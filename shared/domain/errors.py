"""Failures, sorted by what the worker does next.

PipelineError
├── TransientError      it did not happen and may work later: back off, try again
├── UncertainError      it may have happened: look it up, never just repeat it
├── RejectedError       it will be refused again: hold it for a person
└── TenantBlockedError  nothing of this tenant can go on: pause what it blocks

Anything that is not a PipelineError is a bug and is let out, loudly.
"""

from datetime import timedelta


class PipelineError(Exception):
    """A failure the pipeline expects; its class says what to do next."""


class TransientError(PipelineError):
    """It did not happen and may work later."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Say what failed, and how long the other side asked us to wait, if it did."""
        super().__init__(message)
        self.retry_after = retry_after


class UncertainError(PipelineError):
    """It may have happened: look it up before doing anything else."""


class RejectedError(PipelineError):
    """It will be refused again until something changes."""

    def __init__(self, message: str, *, code: str) -> None:
        """`code` is a stable word; the message must hold no personal data."""
        super().__init__(message)
        self.code = code


class TenantBlockedError(PipelineError):
    """Nothing of this tenant can go on with this connection."""

    def __init__(self, message: str, *, code: str) -> None:
        """`code` is one of our stable words, such as `vindi_key_refused`."""
        super().__init__(message)
        self.code = code
