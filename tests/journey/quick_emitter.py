"""`python -m tests.journey.quick_emitter`: the emitter, whose leases last three seconds.

With `CARELESS=1` its requests leave without the proof that their sale is still this process's:
what the proof is for shows where it is missing.
"""

import os
import runpy
from datetime import timedelta

from services.emitter import dispatch, leases

LEASE = timedelta(seconds=3)


def hurry() -> None:
    """Make leases short, in this process."""
    vars(leases).update(
        LEASE=LEASE, RENEW_EVERY=timedelta(seconds=1), _MARGIN_SECONDS=LEASE.total_seconds() / 6
    )
    vars(dispatch).update(LEASE=LEASE)
    if os.environ.get("CARELESS"):
        type.__setattr__(leases.Leases, "surely_held", lambda _self, _entry: True)


if __name__ == "__main__":
    hurry()
    runpy.run_module("services.emitter", run_name="__main__")
