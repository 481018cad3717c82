"""What happened, as a line each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.panel.kit.render import short_name
from services.panel.show.audit import told as act_told
from shared.db.tenants.activity_read import Activity, ActivityKind
from shared.db.tenants.audit_store import AuditEntry
from shared.domain.story import NOTICES
from shared.domain.story import told as sale_told

KINDS: Final[tuple[tuple[ActivityKind, str], ...]] = (
    ("heard", "Avisos recebidos"),
    ("sale", "Decisões e notas"),
    ("act", "O que pessoas fizeram"),
)
_TONES: Final[dict[ActivityKind, str]] = {"heard": "plain", "sale": "calm", "act": "good"}
_LABELS: Final[dict[ActivityKind, str]] = {"heard": "Aviso", "sale": "Venda", "act": "Pessoa"}
_OURS: Final = dict.fromkeys(("emitter", "reconciler", "webhook", "enotas", "vindi"), "Sistema")
_SOURCES: Final = {"vindi": "Vindi", "enotas": "eNotas"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityShown:
    """One thing that happened; `code` is a word of another system, shown as it is."""

    at: datetime
    label: str
    tone: str
    bill: int | None
    text: str
    code: str
    by: str


def shown(found: Sequence[Activity]) -> list[ActivityShown]:
    """Lines in their order."""
    return [_line(one) for one in found]


def _line(one: Activity) -> ActivityShown:
    text, code, by = _words(one)
    return ActivityShown(
        at=one.at,
        label=_LABELS[one.kind],
        tone=_TONES[one.kind],
        bill=one.bill_id,
        text=text,
        code=code,
        by=by,
    )


def _words(one: Activity) -> tuple[str, str, str]:
    match one.kind:
        case "heard":
            source = _SOURCES.get(one.by, one.by)
            odd = " que não pôde ser lido" if one.why else ""
            known = NOTICES.get(one.what, "")
            return f"Aviso recebido{odd}{f': {known}' if known else ''}", one.what, source
        case "sale":
            return sale_told(one.what, one.why, one.by), "", _OURS.get(one.by, one.by)
        case "act":
            entry = AuditEntry(id=0, at=one.at, actor=one.by, action=one.what, detail=one.detail)
            told = act_told(entry)
            return f"{told.what}. {told.detail}".strip(), "", short_name(one.by)
