"""Pendências: each cause once, with its one fix. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from services.panel.show.overview import SaleCause, divided
from services.panel.show.status import WHO
from shared.db.sales.denials_store import DenialGroup
from shared.domain.actions import LACKS
from shared.domain.denials import policy_for
from shared.domain.ids import BillId
from shared.domain.messages import message_for
from shared.domain.sale import SaleStatus

Fix = Literal["again", "decide", "mend", "none"]
# Data that is mended elsewhere: what was mended goes on by itself, and can be hurried.
GOES_ON_BY_ITSELF = LACKS | {"customer_phone_invalid"}
_DECISIONS = frozenset(
    {
        "rule_manual",
        "partially_refunded",
        "issued_as_test",
        "activation_unclear",
        "account_elsewhere",
        "payment_undone",
        "held_by_person",
        "amount_mismatch",
        "possible_duplicate",
        "competencia_month_closed",
        "mixed_rules",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCause:
    """A cause with what can be done about all of its sales at once.

    `again`: send all again. `mend`: mend the data, then all can be tried again at once. `decide`:
    a person decides about each, or about many in the list. `none`: nothing of ours helps.
    """

    title: str
    todo: str
    who: str
    status: SaleStatus
    code: str
    group: str  # of denials; else empty
    sales: int
    amount: int
    examples: Sequence[BillId]
    fix: Fix
    original: str  # the issuer's own words
    by_itself: int  # of them, sent again without anybody's help

    @property
    def id(self) -> str:
        """Names the cause on the page."""
        return f"{self.status.value}-{self.group or self.code}"


def pending(
    causes: Iterable[SaleCause],
    denials: Iterable[DenialGroup],
    originals: Mapping[str, str],
) -> list[PendingCause]:
    """Every cause, the most money first; denials by their cause, all others by their code."""
    found = [
        PendingCause(
            title=cause.title,
            todo=cause.todo,
            who=cause.who,
            status=cause.status,
            code=cause.code,
            group="",
            sales=cause.sales,
            amount=cause.amount,
            examples=cause.examples,
            fix=_fix(cause),
            original="",
            by_itself=0,
        )
        for cause in causes
        if cause.status is not SaleStatus.DENIED
    ]
    found += [_denied(group, originals.get(group.group, "")) for group in denials]
    return sorted(found, key=lambda one: (-one.amount, one.id))


def _fix(cause: SaleCause) -> Fix:
    if cause.status is not SaleStatus.HELD or cause.code in _DECISIONS:
        return "decide"
    return "mend" if cause.code in GOES_ON_BY_ITSELF else "again"


def _denied(group: DenialGroup, original: str) -> PendingCause:
    message = message_for(group.denial)
    title, todo = divided(message.text)
    return PendingCause(
        title=title,
        todo=todo,
        who=WHO[message.who_acts],
        status=SaleStatus.DENIED,
        code=group.denial,
        group=group.group,
        sales=group.count,
        amount=group.amount,
        examples=group.examples,
        fix="again" if policy_for(group.denial).ever else "decide",
        original=original,
        by_itself=group.by_itself,
    )
