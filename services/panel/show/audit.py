"""What was changed, in words. Pure."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from services.panel.kit import say
from services.panel.texts import TEXTS
from shared.db.tenants.audit_store import AuditEntry
from shared.domain.messages import message_for

KINDS: Final[tuple[tuple[str, str], ...]] = (
    ("conexoes", "Conexões e empresa"),
    ("pessoas", "Pessoas e acesso"),
    ("regra", "Regra e limites"),
    ("vendas", "Vendas e notas"),
    ("meses", "Fechamento e importações"),
)
# By how the stable words of actions begin.
_BEGINNINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "conexoes": (
        "tenant_",
        "vindi_",
        "issuer_",
        "connection_",
        "went_live",
        "shadow_",
        "status_webhook_",
    ),
    "pessoas": ("invit", "joined", "role_", "member_", "password_", "totp_", "signed_"),
    "regra": ("rule_", "limits_", "brake_", "rps_"),
    "vendas": ("sale_", "nota_", "denials_", "bulk_", "sample_"),
    "meses": ("closing_", "month_", "backfill_", "foreign_"),
}
_LABELS: Final = (("bill_id", "Fatura"), ("month", "Mês"), ("version", "Versão"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditShown:
    """One change as a person reads it; `actor` names who, beyond doubt."""

    at: datetime
    actor: str
    what: str
    detail: str


def actions_of(kind: str) -> Sequence[str]:
    """How the actions of a kind begin; nothing for all of them."""
    return _BEGINNINGS.get(kind, ())


def told(entry: AuditEntry) -> AuditShown:
    """A change in words."""
    return AuditShown(
        at=entry.at,
        actor=entry.actor,
        what=TEXTS.get(f"audit.{entry.action}", TEXTS["audit.other"]),
        detail=_detail(entry.detail),
    )


def _detail(detail: Mapping[str, Any]) -> str:
    """What a person can read of it: the reason, and how many sales."""
    said = []
    bills = detail.get("bill_ids")
    if isinstance(bills, list) and bills:
        shown = ", ".join(str(bill) for bill in bills[:5])
        more = f" e mais {len(bills) - 5}" if len(bills) > 5 else ""
        said.append(f"{'Fatura' if len(bills) == 1 else 'Faturas'} {shown}{more}")
    said += [f"{label} {_value(name, detail[name])}" for name, label in _LABELS if name in detail]
    if isinstance(detail.get("role"), str):
        said.append(TEXTS.get(f"role.{detail['role']}", ""))
    if isinstance(detail.get("found"), str):
        good = detail["found"] == "ok"
        said.append("funciona" if good else message_for(detail["found"]).text)
    if detail.get("reason"):
        said.append(str(detail["reason"]))
    return " · ".join(part for part in said if part)


def _value(name: str, value: Any) -> str:
    """A month by its name; all else as it is."""
    if name == "month":
        with suppress(ValueError):
            return say.month(date.fromisoformat(f"{value}-01"))
    return str(value)
