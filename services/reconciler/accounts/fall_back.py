"""Accounts that do not honour a filter: proven, remembered, and said in health."""

from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog

from services.reconciler.accounts.context import PassContext
from services.reconciler.accounts.read_list import IncompletePass
from shared.vindi.client import BILLS, CHARGES, CUSTOMERS, TRANSACTIONS, Resource
from shared.vindi.errors import VindiRequestRefused
from shared.vindi.query import Query, where

log = structlog.get_logger()

AccountList = Literal["bills", "charges", "refunds", "customers"]
BILLS_LIST: Final = "bills"
CHARGES_LIST: Final = "charges"
REFUNDS_LIST: Final = "refunds"
CUSTOMERS_LIST: Final = "customers"

FAR_OFF: Final = datetime(2990, 1, 1, tzinfo=UTC)  # nothing bears a later stamp
# What no record matches, for each list's filters.
IMPOSSIBLE: Final[dict[AccountList, tuple[Resource[Any], tuple[Query, ...]]]] = {
    "bills": (BILLS, (where("updated_at", ">=", FAR_OFF),)),
    "charges": (CHARGES, (where("updated_at", ">=", FAR_OFF),)),
    "customers": (CUSTOMERS, (where("updated_at", ">=", FAR_OFF),)),
    "refunds": (
        TRANSACTIONS,
        (where("created_at", ">=", FAR_OFF), where("transaction_type", "=", "no_such_type")),
    ),
}


async def fall_back(
    context: PassContext, which: AccountList, error: IncompletePass | VindiRequestRefused
) -> None:
    """Read a list without its filter from now on, if the account is proven not to honour it.

    Otherwise `error` is raised again: a row outside the filter may be a lagging replica's, but a
    count of the impossible is not.
    """
    if isinstance(error, IncompletePass):
        if error.why != "filter_ignored":
            raise error
        resource, queries = IMPOSSIBLE[which]
        if not any([await context.vindi.any_match(resource, query) for query in queries]):
            raise error
    log.warning("vindi_filter_not_honoured", tenant_id=context.tenant, list=which)
    context.findings.plain.add(which)
