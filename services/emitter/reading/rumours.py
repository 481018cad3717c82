"""Bills that nothing but an event ever named: anybody may have made them up.

They are looked for by lists, of which one shows fifty that are real, and only a few by themselves:
at once where there is no doubt of the tenant's events, and before they are let go where there is.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from msgspec import Struct

from services.emitter.work import Known
from shared.db.outbox.outbox_store import Entry
from shared.domain.ids import BillId

# Records that are read one by one before what they lead to is written: little is left undone then
# when a window of requests ends.
ALONE_AT_ONCE: Final = 10
UNPROVEN_ALONE: Final = 3
LAST_ALONE: Final = 5  # of a doubted tenant's
# After a read that came too early; beyond these what it says counts.
READ_AGAIN: Final = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=60))


class Rumours(Struct, frozen=True, kw_only=True):
    """In which order bills are read, how many by themselves, and which lists are to tell of."""

    in_order: Sequence[BillId]
    alone: int
    unproven: frozenset[BillId]
    in_lists: frozenset[BillId]
    doubted: bool

    def waits(self, entry: Entry, *, honoured: bool) -> bool:
        """Whether a bill that was not told of waits for its own turn, as one seen too early."""
        if entry.bill_id in self.in_lists and honoured:
            return True
        return self.doubted and entry.tries > 0 and entry.bill_id in self.unproven


def is_unproven(entry: Entry, known: Known) -> bool:
    """Whether nothing but an event ever named the bill."""
    return known.sale is None and known.bill is None and entry.origin == "webhook"


def rumours_of(
    entries: Sequence[Entry], known: Mapping[BillId, Known], *, honoured: bool, doubted: bool
) -> Rumours:
    """Say how these are read; `honoured`: the account answers lists of ids."""
    unproven = frozenset(e.bill_id for e in entries if is_unproven(e, known[e.bill_id]))
    in_lists = frozenset(
        entry.bill_id
        for entry in entries
        if entry.bill_id in unproven and entry.tries < len(READ_AGAIN)
    )
    if not honoured or len(entries) < 2:
        in_lists = frozenset()  # nothing is asked by a list
    in_order = sorted(
        (entry.bill_id for entry in entries),
        key=lambda bill: (bill in unproven, bill in in_lists),
    )
    if doubted:
        few = min(LAST_ALONE, len(unproven) - len(in_lists))
    else:
        few = UNPROVEN_ALONE if honoured else ALONE_AT_ONCE
    return Rumours(
        in_order=in_order,
        alone=min(ALONE_AT_ONCE, len(entries) - len(unproven) + few),
        unproven=unproven,
        in_lists=in_lists,
        doubted=doubted,
    )
