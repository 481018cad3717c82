"""All refunds of some charges, by whichever filters an account takes.

Nothing proves that an account honours a filter: what it refuses is asked for by the other one, and
rows that were not asked for are left out (vindi-api, sections 3.3 and 7.4).
"""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

import structlog

from shared.domain.bill import Refund
from shared.domain.ids import ChargeId
from shared.vindi.budget import AccountKey
from shared.vindi.client import TRANSACTIONS, Page, Read, Unreadable, VindiClient
from shared.vindi.errors import VindiRequestRefused, VindiUnavailable
from shared.vindi.payloads import id_in
from shared.vindi.query import Query, all_of, any_of, where

log = structlog.get_logger()

RefundRow = Read[Refund | None] | Unreadable
# By which filters: kind and charge, as documented; one of them alone where the other is refused.
FilterForm = Literal["both", "charge", "kind"]
FORMS: Final[tuple[FilterForm, ...]] = ("both", "charge", "kind")
FORM_LASTS: Final = timedelta(hours=1).total_seconds()
# An account that ignores `charge_id` shows all its refunds: so many pages are gone through.
MOST_REFUND_PAGES: Final = 20


class RefundLists:
    """Reads refunds; remembers for an hour by which filters an account lets them be asked for."""

    def __init__(self) -> None:
        self._taken: dict[AccountKey, tuple[FilterForm, float]] = {}

    def all_at_once(self, account: AccountKey) -> bool:
        """Whether one list shows the refunds of whichever charges: it names none of them."""
        return self._first(account) == "kind"

    async def read(self, client: VindiClient, charges: Sequence[ChargeId]) -> list[RefundRow]:
        """Read the refunds of some charges, and maybe those of others beside them.

        Raises VindiRequestRefused where no filter is taken, of several charges already where the
        first is not: it may be their number. VindiUnavailable when fewer came than there were at
        first: one left out would be denied.
        """
        first = self._first(client.account)
        try:
            return await _read(client, charges, first)
        except VindiRequestRefused as error:
            if error.status == 200 or len(charges) > 1:
                raise
            return await self._otherwise(client, charges, first, error)

    async def _otherwise(
        self,
        client: VindiClient,
        charges: Sequence[ChargeId],
        first: FilterForm,
        refused: VindiRequestRefused,
    ) -> list[RefundRow]:
        for form in FORMS:
            if form == first:
                continue
            try:
                rows = await _read(client, charges, form)
            except VindiRequestRefused as error:
                if error.status == 200:
                    raise
                continue
            log.warning("vindi_filter_refused", account=client.account, resource="refunds")
            self._taken[client.account] = form, time.monotonic() + FORM_LASTS
            return rows
        raise refused

    def _first(self, account: AccountKey) -> FilterForm:
        form, until = self._taken.get(account, ("both", 0.0))
        return form if time.monotonic() < until else "both"


async def _read(
    client: VindiClient, charges: Sequence[ChargeId], form: FilterForm
) -> list[RefundRow]:
    """Read refunds by one form of the query.

    Rows of other charges show that `charge_id` was ignored, or not said: all refunds of the account
    come, and ours are among them, if that is not more than is asked charge by charge.
    VindiRequestRefused when it is.
    """
    found: list[RefundRow] = []
    keys: set[object] = set()
    total: int | None = None
    pages = 0
    async for page in client.iter_pages(TRANSACTIONS, _query(charges, form)):
        pages += 1
        total = page.total if total is None else total
        keys |= page.keys
        found += page.rows
        if any(id_in(row.raw, "charge") not in charges for row in page.rows):
            client.oddities.add("charge_ignored")
            if _too_many(page, total, pages, charges):
                log.warning("vindi_filter_ignored", account=client.account, resource="refunds")
                raise VindiRequestRefused(200, TRANSACTIONS.path)
    if len(keys) < (total or 0):
        raise VindiUnavailable("refunds were left out")
    return found


def _too_many(
    page: Page[Refund | None], total: int | None, read: int, charges: Sequence[ChargeId]
) -> bool:
    if total is None and len(charges) > 1:
        return True
    most = MOST_REFUND_PAGES if len(charges) == 1 else len(charges)
    pages = read if total is None else total // max(page.per_page, 1) + 1
    return pages > most


def _query(charges: Sequence[ChargeId], form: FilterForm) -> Query:
    of_kind = where("transaction_type", "=", "refund")
    mine = any_of(where("charge_id", "=", charge) for charge in charges)
    match form:
        case "both":
            return all_of(of_kind, mine)
        case "charge":
            return mine
        case "kind":
            return of_kind


def together(charge: ChargeId, rows: Sequence[RefundRow]) -> tuple[Refund, ...] | Unreadable:
    """The refunds of one charge among rows of many; Unreadable where one of them is."""
    refunds: dict[int, Refund] = {}  # a row may come twice
    for row in rows:
        if id_in(row.raw, "charge") != charge:
            continue
        if isinstance(row, Unreadable):
            return row
        if row.value is not None:
            refunds[row.value.transaction_id] = row.value
    return tuple(refunds.values())
