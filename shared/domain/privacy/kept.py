"""What of a sale has to stay although its customer asked for erasure, and until when. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal

from msgspec import Struct

from shared.domain.nota import REAL
from shared.domain.privacy.terms import kept_until
from shared.domain.sale import SaleStatus

# A document that the city has, or had: also a cancelled one proves what was owed and is not.
DOCUMENTS: Final = frozenset({"issued", "cancelling", "cancelled", "cancel_refused"})
# Nothing more happens to these by itself, and nobody has to look at them.
FINAL: Final = frozenset(
    {
        SaleStatus.ISSUED.value,
        SaleStatus.SKIPPED.value,
        SaleStatus.CANCELLED.value,
        SaleStatus.CANCEL_REFUSED.value,
    }
)

KeptWhy = Literal["law", "open", "unreadable"]


class NotaFacts(Struct, frozen=True, kw_only=True):
    """What of a nota says whether the law keeps it."""

    status: str
    environment: str
    competencia: date

    @property
    def is_document(self) -> bool:
        """Whether the city issued it, for real."""
        return self.environment == REAL and self.status in DOCUMENTS


def is_open(status: str | None, *, under_way: bool) -> bool:
    """Whether a sale still needs its customer: its nota is owed, or a person has to decide."""
    return under_way or (status is not None and status not in FINAL)


def law_keeps(notas: Sequence[NotaFacts], years: int, today: date) -> date | None:
    """Until when the documents of a sale are kept; None where there are none, or their time is up.

    Of several the latest counts: the sale is one proof.
    """
    ends = [kept_until(nota.competencia, years) for nota in notas if nota.is_document]
    latest = max(ends, default=None)
    return latest if latest is not None and latest >= today else None
