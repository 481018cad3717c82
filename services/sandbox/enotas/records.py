"""What the eNotas of the sandbox holds: keys, companies, notas. Instants are Unix seconds."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from services.sandbox.enotas.faults import CompanyFaults
from services.sandbox.storms import Weather

Json = dict[str, Any]

IN_PROGRESS: Final = frozenset(
    {
        "AguardandoAutorizacao", "SolicitandoAutorizacao", "AutorizacaoSolicitada",
        "EmProcessoDeAutorizacao", "AutorizadaAguardandoGeracaoPDF",
        "AguardandoCancelamento", "SolicitandoCancelamento", "CancelamentoSolicitado",
        "EmProcessoDeCancelamento", "CanceladaAguardandoAtualizacaoPDF",
    }
)  # fmt: skip
FINAL: Final = frozenset({"Autorizada", "Negada", "Cancelada", "CancelamentoNegado"})
# Fiscally valid: counts as a nota of the sale.
VALID: Final = frozenset({"Autorizada", "AutorizadaAguardandoGeracaoPDF", "CancelamentoNegado"})


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What becomes of a nota.

    `kind`: "authorise", "deny", "deny_once" (the next send is authorised), "stuck",
    "outage" (the city is down for `hours`), "cancel_refused" (authorised, never cancelled).
    """

    kind: str = "authorise"
    denial: str = "unknown"
    hours: float = 0.0


_TRIGGER: Final = re.compile(
    r"\[sim:(autorizar|negar|negar-uma-vez|travar|fora-do-ar|cancelamento-negado)"
    r"(?::([^\]]+))?\]"
)
_KINDS: Final = {
    "autorizar": "authorise", "negar": "deny", "negar-uma-vez": "deny_once",
    "travar": "stuck", "fora-do-ar": "outage", "cancelamento-negado": "cancel_refused",
}  # fmt: skip


def outcome_in(description: str) -> Outcome | None:
    """Read the first trigger in a service's description."""
    match = _TRIGGER.search(description) if "[sim:" in description else None
    if match is None:
        return None
    kind, detail = _KINDS[match[1]], match[2] or ""
    if kind == "outage":
        return Outcome(kind=kind, hours=float(detail or 1))
    return Outcome(kind=kind, denial=detail or "unknown")


@dataclass(slots=True, kw_only=True)
class Nota:
    """A nota, from the POST to its end.

    `run` counts its sends and cancellations: a step planned for an earlier run is void.
    """

    id: str
    company_id: str
    external_id: str
    body: Json
    created: float
    changed: float
    status: str = "AguardandoAutorizacao"
    reason: str | None = None
    number: int | None = None
    rps: int = 0
    authorised: float | None = None
    cancelled: float | None = None
    outcome: Outcome = field(default_factory=Outcome)
    sends: int = 1
    run: int = 0
    down_since: float | None = None
    before: "Nota | None" = None  # as it was before its last change, for copies that lag behind


@dataclass(slots=True, kw_only=True)
class Company:
    """A company that may issue. `id` in small letters."""

    id: str
    key: str
    name: str
    cnpj: str
    city: str = "3550308"
    certificate_until: str = "2027-06-30T23:59:59Z"
    missing: list[str] = field(default_factory=list)
    enabled: bool = True
    details: Json = field(default_factory=dict)
    faults: CompanyFaults = field(default_factory=CompanyFaults)
    weather: Weather = field(default_factory=Weather.of_enotas)
    notas: dict[str, Nota] = field(default_factory=dict)  # by id, in order of creation
    by_external_id: dict[str, Nota] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    last_number: int = 0
    # Environment, series and number of RPS that another system of the company has used.
    rps_used: set[tuple[str, str, int]] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class EnotasKey:
    """An API key, exactly as the panel shows it, and where its account wants webhooks."""

    key: str
    revoked: bool = False
    webhook_url: str | None = None
    webhook_header: tuple[str, str] | None = None


def iso(instant: float | None) -> str | None:
    """Write an instant as eNotas does."""
    if instant is None:
        return None
    return datetime.fromtimestamp(instant, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
