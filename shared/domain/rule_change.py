"""What another rule would make of sales that are not sent: pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import assert_never

from msgspec import Struct

from shared.domain.decide import decide
from shared.domain.decision import (
    Cancel,
    Decision,
    Follow,
    Hold,
    Issue,
    Keep,
    NeedsCustomer,
    NotYet,
    Skip,
    Wait,
)
from shared.domain.money import Cents
from shared.domain.rule import Rule
from shared.domain.sale import SaleFacts, SaleStatus, TenantTerms


class RuleOutcome(Struct, frozen=True, kw_only=True):
    """Where a decision puts a sale."""

    status: SaleStatus
    code: str | None = None


class Change(Struct, frozen=True, kw_only=True):
    """What becomes of a sale now and under the other rule; equal where only date or text moves."""

    before: RuleOutcome
    after: RuleOutcome


class SaleChange(Struct, frozen=True, kw_only=True):
    """A change of one sale, and when its nota is due before and after it; None: not known."""

    change: Change
    was_due: datetime | None = None
    will_be_due: datetime | None = None


class DueSpan(Struct, frozen=True, kw_only=True):
    """The first and the last instant at which notas are due."""

    first: datetime
    last: datetime


class ChangeCount(Struct, frozen=True, kw_only=True):
    """Sales that change alike; `was` and `will` say when notas are due of those that wait."""

    change: Change
    sales: int
    amount: Cents
    was: DueSpan | None = None
    will: DueSpan | None = None


def change_of(
    sale: SaleFacts, old: Rule | None, new: Rule, terms: TenantTerms, now: datetime
) -> SaleChange | None:
    """Decide a sale without a live nota under both rules; None when nothing changes.

    A sale whose customer was never read counts as one to be issued.
    """
    was, will = decide(sale, old, terms, now), decide(sale, new, terms, now)
    before, after = _outcome(was), _outcome(will)
    if was == will or before is None or after is None:
        return None
    if before == after and (isinstance(was, NeedsCustomer) or isinstance(will, NeedsCustomer)):
        return None  # to be issued under both; its text is not known yet
    return SaleChange(
        change=Change(before=before, after=after),
        was_due=was.until if isinstance(was, Wait) else None,
        will_be_due=will.until if isinstance(will, Wait) else None,
    )


def tally(changes: Iterable[tuple[SaleChange, Cents]]) -> list[ChangeCount]:
    """Count changes that are alike, the most frequent first."""
    alike: dict[Change, list[tuple[SaleChange, Cents]]] = {}
    for moved, amount in changes:
        alike.setdefault(moved.change, []).append((moved, amount))
    counts = [
        ChangeCount(
            change=change,
            sales=len(found),
            amount=Cents(sum(amount for _, amount in found)),
            was=_due([moved.was_due for moved, _ in found]),
            will=_due([moved.will_be_due for moved, _ in found]),
        )
        for change, found in alike.items()
    ]
    return sorted(counts, key=lambda count: -count.sales)


def _due(instants: Iterable[datetime | None]) -> DueSpan | None:
    known = [instant for instant in instants if instant is not None]
    return DueSpan(first=min(known), last=max(known)) if known else None


def _outcome(decision: Decision) -> RuleOutcome | None:
    match decision:
        case Issue() | NeedsCustomer():
            return RuleOutcome(status=SaleStatus.QUEUED)
        case Wait():
            return RuleOutcome(status=SaleStatus(decision.status))
        case Hold():
            return RuleOutcome(status=SaleStatus.HELD, code=decision.code)
        case Skip():
            return RuleOutcome(status=SaleStatus.SKIPPED, code=decision.code)
        case NotYet() | Cancel() | Follow() | Keep():
            return None
        case _:
            assert_never(decision)
