"""A company's own RPS numbers in words. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.panel.show.sale import NOTA_LABELS
from services.panel.show.status import Tone
from shared.db.tenants.rps_store import GivenNumber
from shared.domain.nota import NotaStatus

_GAP: Final[tuple[str, Tone]] = ("Sem nota: o número não é usado de novo", "plain")
_REFUSED: Final[tuple[str, Tone]] = (
    "Recusado como já usado: o número não é usado de novo",
    "plain",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberShown:
    """A number that was handed out, and what became of it."""

    number: int
    bill: int
    part: int
    at: datetime
    label: str
    tone: Tone
    nota: str


def number_shown(given: GivenNumber) -> NumberShown:
    """A number as an accountant asks for it: a nota, or a gap with its reason."""
    label, tone = _GAP
    if given.refused:
        label, tone = _REFUSED
    elif given.status is not None:
        label, tone = NOTA_LABELS[NotaStatus(given.status)]
    return NumberShown(
        number=given.number,
        bill=given.bill_id,
        part=given.part,
        at=given.given_at,
        label=label,
        tone=tone,
        nota=given.nota_number or "",
    )
