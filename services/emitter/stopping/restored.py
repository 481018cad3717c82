"""What is not issued yet since the database is an older copy: it may have been issued already.

Notas of the time that is missing stand at the issuer and are unknown here. So nothing is issued for
a company before its list of that time was read, and what is sent for a bill of then is looked up
first. A bill that Vindi made since cannot have been issued then, and does not wait. Decision 0033.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from services.emitter.planning.stopped import Queued, stopped
from services.emitter.work import Act, Known, Plan, Rest, Send, settle
from shared.db.connection import Connection
from shared.db.outbox.outbox_store import Entry
from shared.db.restores import restore_checks_store, restores_store
from shared.db.restores.restore_checks_store import UnreadLists
from shared.db.restores.restores_store import Life
from shared.db.vindi.bills_store import ReadBill
from shared.domain.ids import BillId, TenantId
from shared.domain.sale import SaleStatus

RESTORED: Final = "database_restored"
LOOK_AGAIN: Final = timedelta(seconds=60)  # whoever has read the list wakes what waits for it
# A bill that Vindi made later, by whatever clock, cannot have been issued in what is missing.
CLOCKS_DIFFER: Final = timedelta(days=1)
# A bill's age is taken by Vindi's clock, the time since the restore by the database's. Vindi says
# its own in whole seconds, and several of its machines may say it.
AGES_DIFFER: Final = timedelta(seconds=5)


class Database(Struct, frozen=True, kw_only=True):
    """Which database a decision rests on; another one may lack what was decided before."""

    life: Life | None  # None where the server does not say
    restore_id: int | None


class Restored(Struct, frozen=True, kw_only=True):
    """What a batch has to mind of restores."""

    database: Database
    noticed_at: datetime | None = None  # the last one; None if there never was one
    unread: UnreadLists = UnreadLists()  # what waits for the list of the company in use

    def waits(self, bill: BillId) -> bool:
        """Whether a sale waits for the list of the company in use to be read."""
        return self.unread.everything or bill in self.unread.sales

    def lately(self, now: datetime) -> bool:
        """Whether what was asked for of a known nota may be among what is missing."""
        return self.noticed_at is not None and now - self.noticed_at < CLOCKS_DIFFER

    def may_be_issued(self, read: ReadBill | None) -> bool:
        """Whether a nota we know nothing of may stand for a bill: it is looked up first."""
        if self.noticed_at is None:
            return False
        return read is None or read.bill.created_at < self.noticed_at + CLOCKS_DIFFER

    def is_of_since(self, plan: Act, now: datetime, vindi_now: datetime | None) -> bool:
        """Whether Vindi made its bill after the restore was noticed: nothing of it is missing.

        Where Vindi was not asked now its clock is not known, and nobody can say so. What takes a
        number of the company's own waits: those given in what is missing are used up.
        """
        if self.noticed_at is None or vindi_now is None or plan.read is None:
            return False
        if not isinstance(plan.action, Send) or plan.action.intent.rps_series is not None:
            return False
        age = vindi_now - plan.read.bill.created_at
        return -AGES_DIFFER < age < now - self.noticed_at - AGES_DIFFER


async def load_restored(conn: Connection, tenant: TenantId) -> tuple[Restored, datetime]:
    """Ask the server whether it is still the one, and note it for all tenants where it is not.

    Also gives the instant of this. Opens transactions of its own.
    """
    life = await restores_store.live(conn)
    known = await restores_store.itself(conn)
    restore = known.restore
    if life is not None and life != known.life:
        await restores_store.look_any_tenant(conn)
        restore = await restores_store.newest(conn)
    if restore is None:
        return Restored(database=Database(life=life, restore_id=None)), known.now
    restored = Restored(
        database=Database(life=life, restore_id=restore.restore_id),
        noticed_at=restore.noticed_at,
        unread=await restore_checks_store.unread(conn, tenant),
    )
    return restored, known.now


async def database_now(conn: Connection, basis: Database, restore_id: int | None) -> Database:
    """The same, within the transaction that writes what rests on it and has read the restore."""
    life = await restores_store.live(conn) if basis.life is not None else None
    return Database(life=life, restore_id=restore_id)


def parked_for_lists(
    restored: Restored, entries: Sequence[Entry], known: Mapping[BillId, Known], now: datetime
) -> list[Rest]:
    """Leave queued sales unread of which nothing is new, until the list was read."""
    if restored.unread == UnreadLists():
        return []
    return [
        Rest(entry=entry, settlement=settle(entry, due_at=now + LOOK_AGAIN))
        for entry in entries
        if restored.waits(entry.bill_id)
        and not entry.bill_changed
        and (sale := known[entry.bill_id].sale) is not None
        and sale.status is SaleStatus.QUEUED
    ]


def wait_for_lists(
    restored: Restored, plans: Sequence[Plan], now: datetime, vindi_now: datetime | None
) -> list[Plan]:
    """Keep what would issue a nota until the list was read, but for bills of since.

    `vindi_now`: Vindi's own clock, from its answers to this batch; None where it was not asked.
    """
    if restored.unread == UnreadLists():
        return list(plans)
    by = Queued(until=now + LOOK_AGAIN, why=RESTORED)
    return [
        stopped(plan, by)
        if isinstance(plan, Act)
        and plan.issues
        and restored.waits(plan.entry.bill_id)
        and not restored.is_of_since(plan, now, vindi_now)
        else plan
        for plan in plans
    ]
