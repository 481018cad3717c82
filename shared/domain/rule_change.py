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


class ChangeCount(Struct, frozen=True, kw_only=True):
    """Sales that change alike."""

    change: Change
    sales: int
    amount: Cents


def change_of(
    sale: SaleFacts, old: Rule | None, new: Rule, terms: TenantTerms, now: datetime
) -> Change | None:
    """Decide a sale without a live nota under both rules; None when nothing changes.

    A sale whose customer was never read counts as one to be issued.
    """
    was, will = decide(sale, old, terms, now), decide(sale, new, terms, now)
    before, after = _outcome(was), _outcome(will)
    if was == will or before is None or after is None:
        return None
    if before == after and (isinstance(was, NeedsCustomer) or isinstance(will, NeedsCustomer)):
        return None  # to be issued under both; its text is not known yet
    return Change(before=before, after=after)


def tally(changes: Iterable[tuple[Change, Cents]]) -> list[ChangeCount]:
    """Count changes that are alike, the most frequent first."""
    sums: dict[Change, tuple[int, int]] = {}
    for change, amount in changes:
        sales, total = sums.get(change, (0, 0))
        sums[change] = (sales + 1, total + amount)
    counts = [
        ChangeCount(change=change, sales=sales, amount=Cents(total))
        for change, (sales, total) in sums.items()
    ]
    return sorted(counts, key=lambda count: -count.sales)


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
