"""Reading many records for the price of a few requests (design D4).

Fifty ids go into one list, `id=1 OR id=2`. Nothing proves that every account honours such a
filter, so rows are checked against it, and what did not come back is read alone.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
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
    Read,
    Resource,
    Unreadable,
    VindiClient,
)
from shared.vindi.errors import VindiRequestRefused, VindiUnavailable
from shared.vindi.payloads import BilledCharge
from shared.vindi.query import Query, all_of, any_of, one_of_ids, where

log = structlog.get_logger()

T = TypeVar("T")
Found = Read[T] | Unreadable | None
RefundRow = Read[Refund | None] | Unreadable

AT_ONCE: Final = 4  # lists under way for one account
# How long an account that answered lists wrongly is read one by one before lists are tried again.
LISTS_REST: Final = timedelta(hours=6).total_seconds()


class Bulk:
    """Refreshes many records; remembers which accounts do not honour lists of ids."""

    def __init__(self) -> None:
        self._rests_until: dict[tuple[AccountKey, str], float] = {}

    def honours_lists(self, account: AccountKey, resource: str = "bills") -> bool:
        """Whether lists of ids are tried for an account; False for hours after a wrong answer."""
        return self._rests_until.get((account, resource), 0.0) <= time.monotonic()

    async def refresh_bills(
        self, client: VindiClient, ids: Iterable[BillId]
    ) -> dict[BillId, Found[Bill]]:
        """Read bills afresh; None for those Vindi says it does not have."""
        return {BillId(n): row for n, row in (await self._refresh(client, BILLS, ids)).items()}

    async def refresh_customers(
        self, client: VindiClient, ids: Iterable[CustomerId]
    ) -> dict[CustomerId, Found[Customer]]:
        """Read customers afresh; None for those Vindi says it does not have."""
        found = await self._refresh(client, CUSTOMERS, ids)
        return {CustomerId(n): row for n, row in found.items()}

    async def refresh_charges(
        self, client: VindiClient, ids: Iterable[ChargeId]
    ) -> dict[ChargeId, Found[BilledCharge]]:
        """Read charges afresh, with the bill of each."""
        return {ChargeId(n): row for n, row in (await self._refresh(client, CHARGES, ids)).items()}

    async def refunds_of_charges(
        self, client: VindiClient, charge_ids: Iterable[ChargeId]
    ) -> dict[ChargeId, tuple[Refund, ...] | Unreadable]:
        """Read every successful refund of some charges; an empty tuple for those without.

        A partial refund shows nowhere else (vindi-api, section 7.4). A charge with a refund that
        cannot be read has none of them: to leave one out would be to deny it.
        """
        wanted = sorted(set(charge_ids))
        gate = asyncio.Semaphore(AT_ONCE)
        groups = [self._refunds(client, group, gate) for group in _groups(wanted)]
        rows = [row for group in await asyncio.gather(*groups) for row in group]
        return {charge: _together(charge, rows) for charge in wanted}

    async def _refunds(
        self, client: VindiClient, charges: Sequence[ChargeId], gate: asyncio.Semaphore
    ) -> list[RefundRow]:
        mine = any_of(where("charge_id", "=", charge) for charge in charges)
        query = all_of(where("transaction_type", "=", "refund"), mine)
        try:
            async with gate:
                return await _read_refunds(client, query, frozenset(charges))
        except VindiRequestRefused:
            if len(charges) == 1:
                raise
        singles = [self._refunds(client, [charge], gate) for charge in charges]
        return [row for rows in await asyncio.gather(*singles) for row in rows]

    async def _refresh(
        self, client: VindiClient, resource: Resource[T], ids: Iterable[int]
    ) -> dict[int, Found[T]]:
        wanted = sorted(set(ids))
        gate = asyncio.Semaphore(AT_ONCE)
        found: dict[int, Found[T]] = {}
        if len(wanted) > 1:
            groups = [self._list(client, resource, group, gate) for group in _groups(wanted)]
            for rows in await asyncio.gather(*groups):
                found.update(rows)
        missing = [number for number in wanted if number not in found]
        singles = await asyncio.gather(
            *(_single(client, resource, number, gate) for number in missing)
        )
        found.update(zip(missing, singles, strict=True))
        return found

    async def _list(
        self,
        client: VindiClient,
        resource: Resource[T],
        ids: Sequence[int],
        gate: asyncio.Semaphore,
    ) -> dict[int, Found[T]]:
        """Read a group by one list; whatever it does not prove is left out."""
        async with gate:
            if not self.honours_lists(client.account, resource.path):
                return {}
            rows: dict[int | None, Found[T]] = {}
            try:
                async for page in client.iter_pages(resource, one_of_ids("id", ids)):
                    rows.update((_id(row), row) for row in page.rows)
                    if not rows.keys() <= set(ids):
                        # The filter was ignored. A row that was asked for is still that record.
                        self._rest(client.account, resource.path, "ignored")
                        break
            except VindiRequestRefused:
                self._rest(client.account, resource.path, "refused")
        return {number: rows[number] for number in ids if number in rows}

    def _rest(self, account: AccountKey, resource: str, why: str) -> None:
        log.warning("vindi_lists_not_honoured", account=account, resource=resource, why=why)
        self._rests_until[account, resource] = time.monotonic() + LISTS_REST


async def _single(
    client: VindiClient, resource: Resource[T], number: int, gate: asyncio.Semaphore
) -> Found[T]:
    async with gate:
        found = await client.read_one(resource, number)
    if isinstance(found, Read) and _id(found) != number:
        return Unreadable(raw=found.raw, id=number, problem="id is another one")
    return found


async def _read_refunds(
    client: VindiClient, query: Query, charges: frozenset[ChargeId]
) -> list[RefundRow]:
    """Read a list of refunds; VindiRequestRefused when rows show that the filter was ignored.

    VindiUnavailable when fewer came than there were at first: one left out would be denied.
    """
    found: list[RefundRow] = []
    total: int | None = None
    async for page in client.iter_pages(TRANSACTIONS, query):
        total = page.total if total is None else total
        for row in page.rows:
            if _charge_of(row.raw) not in charges:
                log.warning("vindi_filter_ignored", account=client.account, resource="refunds")
                raise VindiRequestRefused(200, TRANSACTIONS.path)
            found.append(row)
    if len({row.raw.get("id") for row in found}) < (total or 0):
        raise VindiUnavailable("refunds were left out")
    return found


def _together(charge: ChargeId, rows: Sequence[RefundRow]) -> tuple[Refund, ...] | Unreadable:
    refunds: dict[int, Refund] = {}  # a row may come twice
    for row in rows:
        if _charge_of(row.raw) != charge:
            continue
        if isinstance(row, Unreadable):
            return row
        if row.value is not None:
            refunds[row.value.transaction_id] = row.value
    return tuple(refunds.values())


def _charge_of(raw: dict[str, object]) -> object:
    charge = raw.get("charge")
    return charge.get("id") if isinstance(charge, dict) else None


def _id(row: Read[T] | Unreadable) -> int | None:
    number = row.raw.get("id")
    return number if isinstance(number, int) else None


def _groups(ids: Sequence[T]) -> list[Sequence[T]]:
    return [ids[at : at + MOST_PER_PAGE] for at in range(0, len(ids), MOST_PER_PAGE)]
