"""How a sale's status looks and reads. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from services.panel.kit import say
from shared.domain.messages import label_for
from shared.domain.refusals import WhoActs
from shared.domain.sale import SaleStatus

Tone = Literal["good", "warn", "bad", "calm", "plain"]
SaleOutcome = Literal["with_nota", "under_way", "needs_look", "without_nota"]

TONES: Final[dict[SaleStatus, Tone]] = {
    SaleStatus.WAITING_PAYMENT: "plain",
    SaleStatus.IN_GUARANTEE: "calm",
    SaleStatus.QUEUED: "calm",
    SaleStatus.ISSUING: "calm",
    SaleStatus.UNCERTAIN: "calm",
    SaleStatus.ISSUED: "good",
    SaleStatus.DENIED: "bad",
    SaleStatus.HELD: "warn",
    SaleStatus.SKIPPED: "plain",
    SaleStatus.CANCELLING: "calm",
    SaleStatus.CANCELLED: "plain",
    SaleStatus.CANCEL_REFUSED: "bad",
}
OUTCOMES: Final[dict[SaleStatus, SaleOutcome]] = {
    SaleStatus.WAITING_PAYMENT: "under_way",
    SaleStatus.IN_GUARANTEE: "under_way",
    SaleStatus.QUEUED: "under_way",
    SaleStatus.ISSUING: "under_way",
    SaleStatus.UNCERTAIN: "under_way",
    SaleStatus.ISSUED: "with_nota",
    SaleStatus.DENIED: "needs_look",
    SaleStatus.HELD: "needs_look",
    SaleStatus.SKIPPED: "without_nota",
    SaleStatus.CANCELLING: "with_nota",
    SaleStatus.CANCELLED: "without_nota",
    SaleStatus.CANCEL_REFUSED: "with_nota",
}
# In the words of who reads it: `who_acts` of a message.
WHO: Final[dict[WhoActs, str]] = {
    "tenant": "Você",
    "customer": "Seu cliente",
    "accountant": "Seu contador",
    "support": "Nosso suporte",
    "issuer": "O emissor",
    "nobody": "Nada a fazer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A status as a coloured word."""

    label: str
    tone: Tone


def badge(status: SaleStatus, issue_at: datetime | None, zone: ZoneInfo) -> Badge:
    """The label and its tone; that of a guarantee says until when."""
    label = label_for(status)
    if status is SaleStatus.IN_GUARANTEE and issue_at is not None:
        label = f"{label} até {say.short_day(issue_at.astimezone(zone).date())}"
    return Badge(label=label, tone=TONES[status])
