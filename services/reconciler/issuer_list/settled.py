"""Whether what left before a restore has arrived: emitters that lived through it say so. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from shared.db.restores.emitters_store import Emitter, Sale
from shared.db.restores.restores_store import MARGIN, SETTLES, Restore

# Who began to send in what is missing is unknown to the copy until it says a word: twice the time
# between two of them (`under_way.BEAT`).
GRACE: Final = timedelta(seconds=4)
# What was answered just before is on the list a moment later.
SHOWS: Final = timedelta(seconds=1)
# Silent for so long before anything was missing: five of its words were left out, and its leases
# ended. It was dead, or cut off.
SILENT: Final = timedelta(seconds=10)


def still_waited_for(
    restore: Restore,
    emitters: Sequence[Emitter],
    now: datetime,
    *,
    older_code_until: datetime | None,
) -> frozenset[Sale] | None:
    """Sales with a request of before whose answer is not known; None while nobody can tell.

    Then half a minute is waited for, as by `restores_store.SETTLES`: where an emitter died or hangs
    around the failover, and where some may be of code that says nothing.
    """
    if now < restore.noticed_at + GRACE:
        return None
    if older_code_until is not None and older_code_until > restore.noticed_at:
        return None
    minding = [one for one in emitters if one.knows_of == restore.noticed_at]
    others = [one for one in emitters if one.knows_of != restore.noticed_at]
    if not minding or not all(_is_over(one, restore, now) for one in others):
        return None
    return frozenset[Sale]().union(*(one.waits_for for one in minding))


def _is_over(one: Emitter, restore: Restore, now: datetime) -> bool:
    """Whether a process that does not mind the restore ended before, and all that it sent arrived.

    Its words are in the copy as far as the copy goes, which is to when all was last well.
    """
    last_well = restore.since + MARGIN
    return one.beats_at < last_well - SILENT and one.beats_at < now - SETTLES
