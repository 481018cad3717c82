"""`python -m tests.journey.quick_reconciler`: the reconciler, whose leases last two seconds.

So a process that stands still for as long as a test may wait has lost what it held, as one that
stands still for a minute has with the leases there are.
"""

import runpy
from datetime import timedelta

from services.reconciler import deliver, keep_event_days, make_month_files, mirror, restored
from services.reconciler.accounts import schedule
from services.reconciler.backfill import worker
from services.reconciler.deep_check import check
from services.reconciler.issuer_list import after_restore, read
from services.reconciler.privacy import departing, erasing
from shared.db import connection

LEASE = timedelta(seconds=2)
OFTEN = timedelta(milliseconds=500)
TRY_SECONDS = 1.0


def hurry() -> None:
    """Make leases short and looks frequent, in this process."""
    vars(connection).update(IDLE_TIMEOUT=LEASE, LOCK_TIMEOUT=LEASE)
    vars(schedule).update(LEASE=LEASE, RENEW_EVERY=OFTEN, AFTER_FAILURE=OFTEN, ENROL_EVERY=OFTEN)
    vars(worker).update(LEASE=LEASE, BEAT=OFTEN, LOOK_EVERY=OFTEN)
    vars(make_month_files).update(LEASE=LEASE, TELL_EVERY=0.5, LOOK_EVERY=OFTEN, AGAIN_IN=OFTEN)
    vars(mirror).update(LEASE=LEASE, LIST_EVERY=LEASE, LOOK_EVERY=OFTEN, AFTER_FAILURE=OFTEN)
    vars(read).update(
        LEASE=LEASE, LOOK_EVERY=OFTEN, AFTER_FAILURE=OFTEN, NOT_BEFORE=OFTEN, PAGE_PAUSE=OFTEN
    )
    vars(after_restore).update(LEASE=LEASE, RENEW_EVERY=OFTEN)
    vars(check).update(LEASE=LEASE, AFTER_FAILURE=OFTEN)
    vars(deliver).update(
        TRY_SECONDS=TRY_SECONDS,
        LEAVES_WITHIN=OFTEN,
        LEASE=OFTEN + timedelta(seconds=TRY_SECONDS),
        SWEEP_EVERY=OFTEN,
        AFTER_FAILURE=OFTEN,
        WAITS=(OFTEN,) * 9,
        RESTS=(OFTEN,),
    )
    vars(keep_event_days).update(EVERY=OFTEN, AFTER_FAILURE=OFTEN, POLITE=OFTEN)
    vars(restored).update(LOOK_EVERY=OFTEN)
    vars(departing).update(LOOK_EVERY=OFTEN)
    vars(erasing).update(LOOK_EVERY=OFTEN)


if __name__ == "__main__":
    hurry()
    runpy.run_module("services.reconciler", run_name="__main__")
