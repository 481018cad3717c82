"""`python -m tests.journey.quick_panel`: the panel, where who is silent for a second is dead.

So a process that stands still for as long as a test may wait has lost the turn in which it saved.
"""

import runpy
from datetime import timedelta

from services.panel.kit import sent_once
from shared.db.tenants import idempotency_store

SILENT_AFTER = timedelta(seconds=1)


def hurry() -> None:
    """Make turns short, in this process."""
    vars(idempotency_store).update(SILENT_AFTER=SILENT_AFTER)
    vars(sent_once).update(SILENT_AFTER=SILENT_AFTER, BEAT_EVERY=SILENT_AFTER / 5)


if __name__ == "__main__":
    hurry()
    runpy.run_module("services.panel", run_name="__main__")
