"""What a rule would make of one real bill, told and never sent: read at Vindi, decided, drafted.

Nothing is stored, and nothing leaves for the issuer.
"""

from datetime import date, datetime, timedelta
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from shared.clients import Clients
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.tenants import connections_store, issuers_store, tenants_store
from shared.domain.bill import Bill, BillStatus, Customer
from shared.domain.choose_rule import choose_moment
from shared.domain.decide import decide
from shared.domain.decision import Decision, Hold
from shared.domain.errors import RejectedError, TenantBlockedError, TransientError
from shared.domain.fields.arithmetic import arithmetic
from shared.domain.ids import BillId, ChargeId, TenantId
from shared.domain.moment import local_day
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts, TenantTerms
from shared.domain.sending import drafted
from shared.domain.text.fit import fit_draft
from shared.domain.text.told import Drawn, told_of
from shared.vindi.budget import BudgetShare
from shared.vindi.bulk import Bulk
from shared.vindi.client import BILLS, CUSTOMERS, Read, VindiClient
from shared.vindi.query import where

TryRefusal = Literal["vindi_not_connected", "vindi_unreachable", "bill_not_found", "no_bill_yet"]
_NEWEST: Final = 20  # bills to choose an example from
_LONG_AGO: Final = timedelta(days=36_500)


class TryRefused(RejectedError):
    """There is no such bill to try now; `code` is a stable word."""

    code: str

    def __init__(self, detail: str, *, code: str) -> None:
        super().__init__(detail, code=code)
        self.code = code


class RealBill(Struct, frozen=True, kw_only=True):
    """A bill as Vindi has it now, with its buyer and what was given back of it."""

    bill: Bill
    customer: Customer | None
    refunds: dict[ChargeId, Cents]


class TriedBill(Struct, frozen=True, kw_only=True):
    """What becomes of a bill under a rule, and what its nota would say.

    `draft` is the nota as it would be sent, fitted to the issuer; None where nothing can be
    written, and `lacks` then says why. `told` is what was left out or cut; `exception` which of
    the rule's spoke, from 1.
    """

    real: RealBill
    decision: Decision
    exception: int | None
    draft: NotaDraft | None
    lacks: Hold | None
    told: tuple[str, ...]
    arithmetic: str


async def read_real_bill(
    pool: Pool, sealer: Sealer, clients: Clients, tenant: TenantId, number: BillId | None = None
) -> RealBill:
    """One bill, or of the newest the first that is paid; raises TryRefused."""
    async with pool.acquire() as conn:
        vindi = await connections_store.get_vindi(conn, sealer, tenant)
    if vindi is None or vindi.state.blocked:
        raise TryRefused("Vindi is not connected.", code="vindi_not_connected")
    client = clients.vindi(tenant, vindi, BudgetShare.PERSON)
    try:
        bill = await _bill(client, number)
        customer = await client.read_one(CUSTOMERS, bill.customer_id)
        refunds = await _refunds(client, clients.bulk, bill)
    except TransientError as error:
        raise TryRefused("Vindi did not answer.", code="vindi_unreachable") from error
    except TenantBlockedError as error:
        raise TryRefused("Vindi refuses the key.", code="vindi_not_connected") from error
    named = customer.value if isinstance(customer, Read) else None
    return RealBill(bill=bill, customer=named, refunds=refunds)


async def _bill(client: VindiClient, number: BillId | None) -> Bill:
    if number is not None:
        found = await client.read_one(BILLS, number)
        if not isinstance(found, Read):
            raise TryRefused("Vindi has no such bill.", code="bill_not_found")
        return found.value
    page = await client.read_page(
        BILLS, where("status", "=", "paid"), per_page=_NEWEST, descending=True
    )
    bills = [row.value for row in page.rows if isinstance(row, Read)]
    paid = [one for one in bills if one.status is BillStatus.PAID and one.amount > 0]
    if not (paid or bills):
        raise TryRefused("There is no bill yet.", code="no_bill_yet")
    return (paid or bills)[0]


async def _refunds(client: VindiClient, bulk: Bulk, bill: Bill) -> dict[ChargeId, Cents]:
    found = await bulk.refunds_of_charges(client, [charge.id for charge in bill.paid_charges])
    return {
        charge: Cents(sum(one.amount for one in refunds))
        for charge, refunds in found.items()
        if isinstance(refunds, tuple) and refunds
    }


async def try_bill(
    pool: Pool, sealer: Sealer, tenant: TenantId, clients: Clients, real: RealBill,
    rule: Rule, now: datetime,
) -> TriedBill:  # fmt: skip
    """Decide and draft a bill under a rule, as if notas had always been issued."""
    async with pool.acquire() as conn:
        terms = await tenants_store.terms(conn, tenant)
        issuers = await issuers_store.load(conn, sealer, tenant)
    form = clients.issuer(issuers.current).form if issuers.current is not None else None
    always = replace(terms, active_from=now - _LONG_AGO, issuing=True, shadow_from=None)
    sale = _facts(real)
    decision = decide(sale, rule, always, now)
    made = drafted(sale, rule, always, _day(decision, always, now))
    when = choose_moment(real.bill, rule)
    draft = None if isinstance(made, Hold) else made.draft
    told: tuple[str, ...] = ()
    if draft is not None and form is not None:
        drawn = Drawn(sale=sale, rule=rule, zone=always.zone)
        told = told_of(draft, sale.customer, drawn, form)
        draft = fit_draft(draft, form).draft
    return TriedBill(
        real=real,
        decision=decision,
        exception=when.exception if when else None,
        draft=draft,
        lacks=made if isinstance(made, Hold) else None,
        told=told,
        arithmetic=arithmetic(draft) if draft else "",
    )


def _facts(real: RealBill) -> SaleFacts:
    return SaleFacts(
        bill=real.bill,
        refunds=real.refunds,
        customer=real.customer,
        came_alive_at=None,
        wish=None,
        wish_at=None,
        competencia=None,
        backfill=None,
    )


def _day(decision: Decision, terms: TenantTerms, now: datetime) -> date:
    """Of which day its nota is, or would be if it were sent now."""
    found: date | None = getattr(decision, "competencia", None)
    return found or local_day(now, terms.zone)
