"""A company's leaving, in words. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.panel.show.status import Tone
from shared.db.privacy.departures_store import Departure, DepartureState

_SAID: Final[dict[DepartureState, tuple[str, Tone]]] = {
    "waiting": ("Pode voltar atrás", "warn"),
    "deleting": ("Sendo excluída", "calm"),
    "cancelled": ("Voltou atrás", "good"),
    "deleted": ("Excluída", "plain"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartureShown:
    """One leaving; `there` says whether the company can still be opened."""

    tenant: str
    name: str
    there: bool
    label: str
    tone: Tone
    reason: str
    asked_by: str
    asked_at: datetime
    delete_at: datetime | None  # None where nothing waits for that day any more
    ended_at: datetime | None


def departure_shown(one: Departure, name: str | None) -> DepartureShown:
    """A leaving for support; `name` is None where the company is gone."""
    label, tone = _SAID[one.state]
    return DepartureShown(
        tenant=one.tenant_id,
        name=name or "",
        there=name is not None,
        label=label,
        tone=tone,
        reason=one.reason,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        delete_at=one.delete_at if one.state == "waiting" else None,
        ended_at=one.ended_at,
    )
