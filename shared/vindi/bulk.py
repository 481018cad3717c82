"""Reading many records for the price of a few requests (design D4).

Fifty ids go into one list, `id=1 OR id=2`. Nothing proves that every account honours such a
filter, so rows are checked against it, and what did not come back is read alone. What was read is
told even when a budget ends in the middle: the rest is `Untold`.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import structlog

from shared.domain.bill import Bill, Customer, Refund
from shared.domain.ids import BillId, ChargeId, CustomerId
from shared.vindi.budget import AccountKey
from shared.vindi.client import (
    BILLS,
    CHARGES,
    CUSTOMERS,
    MOST_PER_PAGE,
    TRANSACTIONS,
    Oddity,
    Read,
    Resource,
    Unreadable,
    Untold,
    VindiClient,
)
from shared.vindi.errors import (
    VindiPagesRepeat,
    VindiRequestRefused,
    VindiUnavailable,
)
from shared.vindi.payloads import BilledCharge, id_in
from shared.vindi.query import one_of_ids
from shared.vindi.refund_lists import RefundLists, together
from shared.vindi.stretch import Stretch

log = structlog.get_logger()

T = TypeVar("T")
Found = Read[T] | Unreadable | Untold | None
FoundRefunds = tuple[Refund, ...] | Unreadable | Untold

# How long an account that answered lists wrongly is read one by one before lists are tried again.
LISTS_REST: Final = timedelta(hours=6).total_seconds()
# The same where lists are answered with nothing usable, and single records well.
FAILING_LISTS_REST: Final = timedelta(minutes=10).total_seconds()
# So long after it honoured one, an account that refuses lists refuses what is in them.
HONOURS_FOR: Final = timedelta(days=1).total_seconds()
# So many lists without a usable answer in a row, and what is in them may be why: it is looked for.
SUSPECTED: Final = 2
FEW: Final = 3  # records that are not worth a list of their own
TELLS_FOR: Final = timedelta(minutes=5).total_seconds()


class Bulk:
    """Refreshes many records; remembers which accounts do not honour lists of ids.

    Wherever `alone` can be said, it is how many records may be read one by one, those named first
    before the others; the rest is Untold without an error.
    """

    def __init__(self) -> None:
        self._rests_until: dict[tuple[AccountKey, str], float] = {}
        self._failing: dict[tuple[AccountKey, str], int] = {}  # lists in a row
        self._told_at: dict[AccountKey, float] = {}
        self._refunds = RefundLists()
        self._honoured_at: dict[tuple[AccountKey, str], float] = {}

    def honours_lists(self, account: AccountKey, resource: str = "bills") -> bool:
        """Whether lists of ids are tried for an account; False for hours after a wrong answer."""
        return self._rests_until.get((account, resource), 0.0) <= time.monotonic()

    def honours_all_lists(self, account: AccountKey) -> bool:
        """Whether none of an account's records has to be read one by one."""
        paths = (BILLS.path, CUSTOMERS.path, CHARGES.path, TRANSACTIONS.path)
        return all(self.honours_lists(account, path) for path in paths)

    def tells(self, account: AccountKey) -> bool:
        """Whether an account told some record lately: who tells nothing of another is not away."""
        told_at = self._told_at.get(account)
        return told_at is not None and time.monotonic() - told_at <= TELLS_FOR

    async def refresh_bills(
        self, client: VindiClient, ids: Iterable[BillId], *, alone: int | None = None
    ) -> dict[BillId, Found[Bill]]:
        """Read bills afresh; None for those Vindi says it does not have."""
        found = await self._refresh(client, BILLS, ids, alone)
        return {BillId(number): row for number, row in found.items()}

    async def refresh_customers(
        self, client: VindiClient, ids: Iterable[CustomerId], *, alone: int | None = None
    ) -> dict[CustomerId, Found[Customer]]:
        """Read customers afresh; None for those Vindi says it does not have."""
        found = await self._refresh(client, CUSTOMERS, ids, alone)
        return {CustomerId(number): row for number, row in found.items()}

    async def refresh_charges(
        self, client: VindiClient, ids: Iterable[ChargeId]
    ) -> dict[ChargeId, Found[BilledCharge]]:
        """Read charges afresh, with the bill of each."""
        found = await self._refresh(client, CHARGES, ids, None)
        return {ChargeId(number): row for number, row in found.items()}

    async def refresh_transactions(
        self, client: VindiClient, ids: Iterable[int]
    ) -> dict[int, Found[Refund | None]]:
        """Read transactions afresh; those that are no successful refund are read as None."""
        return await self._refresh(client, TRANSACTIONS, ids, None)

    async def refunds_of_charges(
        self, client: VindiClient, charge_ids: Iterable[ChargeId], *, alone: int | None = None
    ) -> dict[ChargeId, FoundRefunds]:
        """Read every successful refund of some charges; an empty tuple for those without.

        A partial refund shows nowhere else (vindi-api, section 7.4). A charge with a refund that
        cannot be read has none of them: to leave one out would be to deny it.
        """
        wanted = list(dict.fromkeys(charge_ids))
        stretch = Stretch(alone)
        if self.honours_lists(client.account, TRANSACTIONS.path) or self._refunds.all_at_once(
            client.account
        ):
            groups = _groups(sorted(wanted))
            asked = [self._refunds_of_group(client, group, stretch) for group in groups]
        else:
            asked = [self._refunds_of_each(client, wanted, stretch)]
        found: dict[ChargeId, FoundRefunds] = {}
        for part in await asyncio.gather(*asked):
            found.update(part)
        return found

    async def _refunds_of_group(
        self, client: VindiClient, charges: Sequence[ChargeId], stretch: Stretch
    ) -> dict[ChargeId, FoundRefunds]:
        try:
            rows = await stretch.ask(lambda: self._refunds.read(client, charges))
        except VindiRequestRefused as error:
            if len(charges) == 1:
                return {charges[0]: _untold(error)}
            self._rest(client, TRANSACTIONS.path, "lists_refused")
            return await self._refunds_of_each(client, charges, stretch)
        if not isinstance(rows, Untold):
            self._failing.pop((client.account, TRANSACTIONS.path), None)
            return {charge: together(charge, rows) for charge in charges}
        if len(charges) > 1 and self._suspect(client.account, TRANSACTIONS.path, rows):
            return await self._refunds_of_each(client, charges, stretch)
        return dict.fromkeys(charges, rows)

    async def _refunds_of_each(
        self, client: VindiClient, charges: Sequence[ChargeId], stretch: Stretch
    ) -> dict[ChargeId, FoundRefunds]:
        now, later = stretch.admit(charges)
        asked = (self._refunds_of_group(client, [charge], stretch) for charge in now)
        found: dict[ChargeId, FoundRefunds] = dict.fromkeys(later, Untold())
        for part in await asyncio.gather(*asked):
            found.update(part)
        return found

    async def _refresh(
        self, client: VindiClient, resource: Resource[T], ids: Iterable[int], alone: int | None
    ) -> dict[int, Found[T]]:
        wanted = list(dict.fromkeys(ids))
        stretch = Stretch(alone)
        found: dict[int, Found[T]] = {}
        if len(wanted) > 1:
            groups = _groups(sorted(wanted))
            asked = [self._group(client, resource, group, stretch) for group in groups]
            for rows in await asyncio.gather(*asked):
                found.update(rows)
        now, later = stretch.admit([number for number in wanted if number not in found])
        singles = (stretch.ask(partial(_single, client, resource, number)) for number in now)
        told = dict(zip(now, await asyncio.gather(*singles), strict=True))
        found.update(told)
        found.update(dict.fromkeys(later, Untold()))
        if any(isinstance(row, Read) for row in found.values()):
            self._told_at[client.account] = time.monotonic()
        if any(isinstance(row, Read) for row in told.values()):
            self._rest_if_failing(client, resource.path)
        return found

    async def _group(
        self, client: VindiClient, resource: Resource[T], ids: Sequence[int], stretch: Stretch
    ) -> dict[int, Found[T]]:
        if not self.honours_lists(client.account, resource.path):
            return {}
        try:
            rows = await stretch.ask(lambda: self._list(client, resource, ids))
        except VindiRequestRefused:
            return await self._narrowed(client, resource, ids, stretch, refused=True)
        if not isinstance(rows, Untold):
            self._failing.pop((client.account, resource.path), None)
            return rows
        if not self._suspect(client.account, resource.path, rows):
            return dict.fromkeys(ids, rows)
        return await self._narrowed(client, resource, ids, stretch)

    def _suspect(self, account: AccountKey, resource: str, answer: Untold) -> bool:
        """Count a list without a usable answer; whether what is in it may be the reason."""
        if not isinstance(answer.error, VindiUnavailable):
            return False
        count = self._failing[account, resource] = self._failing.get((account, resource), 0) + 1
        return count >= SUSPECTED

    async def _narrowed(
        self,
        client: VindiClient,
        resource: Resource[T],
        ids: Sequence[int],
        stretch: Stretch,
        *,
        refused: bool = False,
    ) -> dict[int, Found[T]]:
        """Read a group that fails by ever smaller lists; what these leave out is read alone.

        One record that its account cannot show, or an id that it refuses, would keep from us all
        those asked for with it. Halves are asked for in turn, so that one such record is no failure
        after another; where none of them is answered it is the lists themselves, or all of Vindi.
        """
        found: dict[int, Found[T]] = {}
        parts = _halves(ids)
        answered = False
        while parts:
            failed: list[Sequence[int]] = []
            for part in parts:
                try:
                    rows = await stretch.ask(partial(self._list, client, resource, part))
                except VindiRequestRefused:
                    refused = True
                    failed.append(part)
                    continue
                if isinstance(rows, Untold):
                    failed.append(part)
                else:
                    self._failing.pop((client.account, resource.path), None)
                    found.update(rows)
            if len(failed) == len(parts):
                break
            answered = True
            parts = [half for part in failed for half in _halves(part)]
        if refused and not answered:
            self._rest_refused(client, resource.path)
        return found

    def _rest_refused(self, client: VindiClient, resource: str) -> None:
        """Leave lists alone that are refused; for minutes where it may be for what was in them."""
        at = self._honoured_at.get((client.account, resource))
        lately = at is not None and time.monotonic() - at < HONOURS_FOR
        self._rest(client, resource, "lists_refused", FAILING_LISTS_REST if lately else LISTS_REST)

    def _rest_if_failing(self, client: VindiClient, resource: str) -> None:
        """Single records are told and lists are not: these are left alone for a while."""
        if self._failing.pop((client.account, resource), 0) >= SUSPECTED:
            self._rest(client, resource, "lists_failing", FAILING_LISTS_REST)

    async def _list(
        self, client: VindiClient, resource: Resource[T], ids: Sequence[int]
    ) -> dict[int, Found[T]]:
        """Read a group by one list; whatever it does not prove is left out."""
        if not self.honours_lists(client.account, resource.path):
            return {}  # another group has shown it meanwhile
        rows: dict[int | None, Found[T]] = {}
        try:
            async for page in client.iter_pages(resource, one_of_ids("id", ids)):
                rows.update((id_in(row.raw), row) for row in page.rows)
                if not rows.keys() <= set(ids):
                    # The filter was ignored. A row that was asked for is still that record.
                    self._rest(client, resource.path, "lists_ignored")
                    break
                if rows:
                    self._honoured_at[client.account, resource.path] = time.monotonic()
                if len(rows) == len(ids):
                    break
        except VindiPagesRepeat:
            pass  # the others are read alone
        return {number: rows[number] for number in ids if number in rows}

    def _rest(
        self, client: VindiClient, resource: str, why: Oddity, seconds: float = LISTS_REST
    ) -> None:
        log.warning("vindi_lists_not_honoured", account=client.account, resource=resource, why=why)
        client.oddities.add(why)
        self._rests_until[client.account, resource] = time.monotonic() + seconds


async def _single(
    client: VindiClient, resource: Resource[T], number: int
) -> Read[T] | Unreadable | None:
    try:
        found = await client.read_one(resource, number)
    except VindiRequestRefused as error:
        return _untold(error, number)
    if isinstance(found, Read) and id_in(found.raw) != number:
        return Unreadable(raw=found.raw, id=number, problem="id is another one")
    return found


def _untold(error: VindiRequestRefused, number: int | None = None) -> Unreadable:
    """What Vindi refuses to tell of one record is that record's trouble alone."""
    return Unreadable(raw=error.answer, id=number, problem=str(error), refused=True)


def _halves(ids: Sequence[int]) -> list[Sequence[int]]:
    """Both halves, without those that are too few for a list."""
    middle = len(ids) // 2
    return [half for half in (ids[:middle], ids[middle:]) if len(half) > FEW]


def _groups(ids: Sequence[T]) -> list[Sequence[T]]:
    return [ids[at : at + MOST_PER_PAGE] for at in range(0, len(ids), MOST_PER_PAGE)]
