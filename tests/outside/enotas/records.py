"""One company's notas as the Gateway keeps them, and how they move.

Source: the reference of eNotas' APIs, sections 4 to 7; recorded answers.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

ISSUING = (
    "AguardandoAutorizacao",
    "SolicitandoAutorizacao",
    "AutorizacaoSolicitada",
    "EmProcessoDeAutorizacao",
)
AUTHORISED = ("AutorizadaAguardandoGeracaoPDF", "Autorizada")
CANCELLING = (
    "AguardandoCancelamento",
    "SolicitandoCancelamento",
    "CancelamentoSolicitado",
    "EmProcessoDeCancelamento",
)
CANCELLED = ("CanceladaAguardandoAtualizacaoPDF", "Cancelada")
FINAL = frozenset({"Autorizada", "Negada", "Cancelada", "CancelamentoNegado"})
# Valid before the law: authorised, and not cancelled yet.
VALID = frozenset({*AUTHORISED, *CANCELLING, "CancelamentoNegado"})


@dataclass(slots=True, kw_only=True)
class Readings:
    """What the papers leave open about the Gateway; every test chooses its own."""

    repeated: str = "refused"  # a POST of an id that is not denied: "same", "conflict", "second"
    absent: str = "empty"  # of a nota that is not there: "array", "object", "html"
    forgets: float = 0.0  # seconds for which a nota that was taken is not found by its id
    nulls: str = "null"  # "absent": fields without a value are left out of the nota
    # "fraction"; "minimum": .NET's 0001-01-01; "none": no dataCriacao and dataUltimaAlteracao
    stamps: str = "seconds"
    statuses: str = "as written"  # "lower", "upper"
    webhook_ids: str = "upper"  # of companies, as in the panel; "lower"
    webhook_blank: str = "null"  # what a denied nota does not have: "absent"
    list_most: int = 100  # rows of a page at most
    list_filter: bool = True  # whether `filter` is listened to
    list_rows: str = "whole"  # "short": only what the recorded list shows
    cancel_takes: str = "states"  # how a cancellation ends: "refused by city", "not supported"
    cancel_in_other_states: str = "400"  # "200": taken and without effect
    xml: str = "json"  # "raw"
    accepted: str = "usual"  # of POST and DELETE: "201", "capitals", "text", "empty"
    resent: str = "same id"  # after a denial: "new id"
    between: str = ""  # a status nobody has documented, on the way
    silent: tuple[str, ...] = ()  # final statuses of which no webhook tells
    ids: str = "told"  # "absent": the nota's answer does not repeat our own id
    money: str = "number"  # "text"
    skew: timedelta = timedelta()  # how far its clock is ahead
    list_sort: str = "any"  # the one `sortBy` that is not refused; "never": it is not listened to
    list_total: str = "rows"  # "absent", "page", "text"
    list_filter_refused: bool = False
    early_file: str = "404"  # "400", "login", "json"
    lacking: str = "list"  # "errors", "object", "text", "nothing", "null", "204", "404"
    company: str = "whole"  # "little", "odd", "no address"


@dataclass(slots=True, kw_only=True)
class Nota:
    id: str
    external_id: str
    body: dict[str, Any]
    status: str
    created_at: datetime
    changed_at: datetime
    reason: str | None = None
    number: str | None = None
    code: str | None = None
    authorised_at: datetime | None = None
    cancelled_at: datetime | None = None
    posts: int = 1
    history: list[str] = field(default_factory=list)

    @property
    def environment(self) -> str:
        return str(self.body.get("ambienteEmissao"))

    @property
    def is_valid(self) -> bool:
        """Whether it counts before the law."""
        return self.environment == "Producao" and self.status in VALID

    def become(self, status: str) -> None:
        self.status = status
        self.changed_at = datetime.now(UTC)
        self.history.append(status)


# What becomes of a nota at the city: "" is authorised, else the reason of its denial.
Fate = Callable[[Nota], str]


@dataclass(slots=True, kw_only=True)
class Company:
    id: str
    name: str = "Empresa de Fora Ltda"
    cnpj: str = "11222333000181"
    seed: int = 1
    readings: Readings = field(default_factory=Readings)
    fate: Fate = lambda _nota: ""
    keeps: Fate = lambda _nota: ""  # why a nota is not cancelled, "" where it is
    step: float = 0.02  # seconds between two states
    stuck: bool = False  # notas stay where they are
    notas: list[Nota] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # what the company's record lacks
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def new_id(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def by_external_id(self, external_id: str) -> Nota | None:
        """The newest of that id."""
        found = [nota for nota in self.notas if nota.external_id == external_id]
        return found[-1] if found else None

    def by_id(self, number: str) -> Nota | None:
        return next((nota for nota in self.notas if nota.id.lower() == number.lower()), None)

    def valid(self) -> list[Nota]:
        return [nota for nota in self.notas if nota.is_valid]


def rendered(company: Company, nota: Nota, *, short: bool = False) -> dict[str, Any]:
    """The nota as `GET` gives it."""
    body = nota.body
    readings = company.readings
    value: dict[str, Any] = {
        "id": nota.id,
        "tipo": "NFS-e",
        "idExterno": nota.external_id,
        "status": _status(readings, nota.status),
        "motivoStatus": nota.reason,
        "ambienteEmissao": nota.environment,
        "enviadaPorEmail": bool(body.get("enviarPorEmail")),
        "dataCriacao": stamp(readings, nota.created_at),
        "dataUltimaAlteracao": stamp(readings, nota.changed_at),
        "cliente": body.get("cliente"),
        "numero": nota.number,
        "codigoVerificacao": nota.code,
        "chaveAcesso": None,
        "dataAutorizacao": None
        if nota.authorised_at is None
        else stamp(readings, nota.authorised_at),
        "dataCancelamento": None
        if nota.cancelled_at is None
        else stamp(readings, nota.cancelled_at),
        "linkDownloadPDF": _link(company, nota, "pdf"),
        "linkDownloadXML": _link(company, nota, "xml"),
        "numeroRps": 1000 + company.notas.index(nota),
        "serieRps": "E",
        "dataCompetenciaRps": body.get("dataCompetencia"),
        "servico": body.get("servico"),
        "valorTotal": _money(readings, body.get("valorTotal")),
        "valorIss": 0,
        "observacoes": body.get("observacoes"),
        "metadados": {},
    }
    if short:
        kept = ("id", "tipo", "idExterno", "status", "motivoStatus", "numero", "valorTotal")
        value = {name: value[name] for name in kept}
    if readings.ids == "absent":
        value["idExterno"] = None
    if readings.stamps == "none":
        value.pop("dataCriacao", None)
        value.pop("dataUltimaAlteracao", None)
    if readings.nulls == "absent":
        value = {name: each for name, each in value.items() if each is not None}
    return value


def webhook(company: Company, nota: Nota) -> dict[str, Any]:
    """The body of a status webhook, as the panel's template has it."""
    readings = company.readings
    upper = readings.webhook_ids == "upper"
    value: dict[str, Any] = {
        "tipo": "NFS-e",
        "empresaId": company.id.upper() if upper else company.id.lower(),
        "nfeId": nota.id.upper() if upper else nota.id,
        "nfeIdExterno": nota.external_id,
        "nfeStatus": _status(readings, nota.status),
        "nfeMotivoStatus": nota.reason,
        "nfeLinkPdf": _link(company, nota, "pdf"),
        "nfeLinkXml": _link(company, nota, "xml"),
        "nfeNumero": nota.number,
        "nfeCodigoVerificacao": nota.code,
        "nfeNumeroRps": str(1000 + company.notas.index(nota)),
        "nfeSerieRps": "E",
        "nfeDataCompetencia": nota.body.get("dataCompetencia"),
    }
    if readings.webhook_blank == "absent":
        value = {name: each for name, each in value.items() if each is not None}
    return value


def stamp(readings: Readings, at: datetime) -> str:
    if readings.stamps == "minimum":
        return "0001-01-01T00:00:00"
    at += readings.skew
    if readings.stamps == "fraction":
        return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "7Z"  # .NET's seven digits
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def on_the_way(company: Company, documented: tuple[str, ...]) -> tuple[str, ...]:
    """The states that a nota passes, with one more where there is one that nobody knows."""
    between = company.readings.between
    return (*documented[:1], between, *documented[1:]) if between else documented


def _money(readings: Readings, value: Any) -> Any:
    return f"{value:.2f}" if readings.money == "text" and value is not None else value


def _status(readings: Readings, status: str) -> str:
    match readings.statuses:
        case "lower":
            return status.lower()
        case "upper":
            return status.upper()
    return status


def _link(company: Company, nota: Nota, kind: str) -> str | None:
    if nota.number is None:
        return None
    return f"http://api.enotasgw.com.br/file/{company.id}/{nota.id.replace('-', '')}/{kind}"
