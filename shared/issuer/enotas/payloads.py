"""eNotas' JSON: our notas into theirs, their notas and notifications into ours.

Fields and lengths: enotas-api, sections 4, 5 and 8. Names and statuses are compared without case,
a field without a value may be null or absent, unknown fields are ignored. What is let through is
bounded: .NET writes a time it does not know as 0001-01-01, which has no local day.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from shared.domain.bill import Address
from shared.domain.ids import ExternalId, IssuerNotaId
from shared.domain.money import Cents, read_reais
from shared.domain.nota import (
    IssuerEnvironment,
    NotaDraft,
    Service,
    Tomador,
    mails_the_buyer,
)
from shared.domain.party import is_foreign, normalise_cep
from shared.domain.text.address import NO_NUMBER
from shared.domain.text.fit import fit_draft
from shared.issuer.enotas.denials import plain_reason
from shared.issuer.enotas.form import FORM
from shared.issuer.enotas.more_fields import more_of_nota, more_of_service, reais, stripped
from shared.issuer.interface import Finding, Phase, Snapshot
from shared.net.json_bytes import read_json, write_json

BRASILIA: Final = ZoneInfo("America/Sao_Paulo")
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2101, 1, 1, tzinfo=UTC)
LONGEST_ID: Final = 200  # theirs are UUIDs, ours at most 50
LONGEST_TEXT: Final = 10_000  # a city's whole reason, HTML and all
MOST_AMOUNT: Final = 10**13  # centavos
MOST_FINDINGS: Final = 50  # of one refusal

PHASES: Final[Mapping[str, Phase]] = {
    "aguardandoautorizacao": Phase.PENDING,
    "solicitandoautorizacao": Phase.PENDING,
    "autorizacaosolicitada": Phase.PENDING,
    "emprocessodeautorizacao": Phase.PENDING,
    "autorizadaaguardandogeracaopdf": Phase.ISSUED,
    "autorizada": Phase.ISSUED,
    "negada": Phase.DENIED,
    "aguardandocancelamento": Phase.CANCELLING,
    "solicitandocancelamento": Phase.CANCELLING,
    "cancelamentosolicitado": Phase.CANCELLING,
    "emprocessodecancelamento": Phase.CANCELLING,
    "canceladaaguardandoatualizacaopdf": Phase.CANCELLED,
    "cancelada": Phase.CANCELLED,
    "cancelamentonegado": Phase.CANCEL_REFUSED,
}

_DOCUMENTED: Final = frozenset({Phase.ISSUED, Phase.CANCELLED, Phase.CANCEL_REFUSED})
# Valid, or cancelled, for the tax already, with a PDF still to be made (section 6.1).
UNDOCUMENTED: Final = frozenset(
    {"autorizadaaguardandogeracaopdf", "canceladaaguardandoatualizacaopdf"}
)
# What comes before the first element of a document, and that element's name.
_ROOT: Final = re.compile(
    rb"(?:\s|\xef\xbb\xbf|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?!\s+html)[^>]*>)*+<([A-Za-z_][\w:.-]*)",
    re.DOTALL | re.IGNORECASE,
)
_FRACTION: Final = re.compile(r"\.\d+")


def render_nota(
    key: ExternalId, draft: NotaDraft, environment: IssuerEnvironment
) -> dict[str, object]:
    """Write the request that issues one nota; fields without a value are left out.

    Every request is written here, those sent again from what was stored too: whatever was drafted,
    by whichever version, leaves in the letters and lengths of the form.
    """
    draft = fit_draft(draft, FORM).draft
    mailed = mails_the_buyer(draft, environment)
    body: dict[str, object] = {
        "tipo": "NFS-e",
        "idExterno": key,
        "ambienteEmissao": environment,
        "enviarPorEmail": mailed,
        # Afternoon in UTC: the local day cannot fall on the one before (section 4.4).
        "dataCompetencia": f"{draft.competencia.isoformat()}T15:00:00Z",
        "cliente": _render_tomador(draft.tomador),
        "servico": _render_service(draft),
        "valorTotal": reais(draft.total),
        **more_of_nota(draft, mailed=mailed),
    }
    if draft.substitutes is not None:
        body["idExternoSubstituir"] = draft.substitutes
    return body


def encode(body: Mapping[str, object]) -> bytes:
    """Write a body as compact UTF-8 JSON."""
    return write_json(body)


def read_nota_id(body: object) -> IssuerNotaId | None:
    """Read the answer to a request that issues or cancels; None when it names no nota."""
    number = _text(body, "nfeId") if isinstance(body, dict) else None
    number = number or _text(_lowered(body), "nfeid")
    return IssuerNotaId(number) if number and len(number) <= LONGEST_ID else None


def read_snapshot(body: object) -> Snapshot:
    """Read a nota; ValueError unless it has an id and a status."""
    nota = _lowered(body)
    number, status = _text(nota, "id"), _text(nota, "status")
    if not number or not status or len(number) > LONGEST_ID:
        raise ValueError("not a nota")
    key = _text(nota, "idexterno")
    phase = PHASES.get(status.lower(), Phase.UNKNOWN_STATUS)
    documented = phase in _DOCUMENTED and status.lower() not in UNDOCUMENTED
    return Snapshot(
        issuer_id=IssuerNotaId(number),
        external_id=ExternalId(key) if key else None,
        phase=phase,
        raw_status=status,
        reason=plain_reason(_text(nota, "motivostatus")),
        number=_text(nota, "numero"),
        verification_code=_text(nota, "codigoverificacao"),
        has_pdf=documented or bool(_text(nota, "linkdownloadpdf")),
        has_xml=documented or bool(_text(nota, "linkdownloadxml")),
        created_at=_instant(nota, "datacriacao"),
        changed_at=_instant(nota, "dataultimaalteracao"),
        issued_at=_instant(nota, "dataautorizacao"),
        amount=_amount(nota, "valortotal"),
        document=_document(nota),
        competencia=_competencia(nota),
        environment=_text(nota, "ambienteemissao"),
    )


def _document(nota: Mapping[str, Any]) -> str | None:
    customer = nota.get("cliente")
    return _text(_lowered(customer), "cpfcnpj") if isinstance(customer, dict) else None


def _competencia(nota: Mapping[str, Any]) -> date | None:
    instant = _instant(nota, "datacompetenciarps")
    return None if instant is None else instant.astimezone(BRASILIA).date()


class ListPage(Struct, frozen=True, kw_only=True):
    """One page of the list of notas; of its rows those that cannot be read are left out."""

    snapshots: list[Snapshot]
    rows: int
    total: int | None  # on all pages, where it is said


def read_list(body: object) -> ListPage:
    """Read one page of notas; ValueError for anything else."""
    page = _lowered(body)
    rows, total = page.get("data"), _total(page)
    if not isinstance(rows, list):
        raise ValueError("not a list of notas")  # noqa: TRY004 - one error class for callers
    snapshots = []
    for row in rows:
        try:
            snapshots.append(read_snapshot(row))
        except ValueError:
            continue
    return ListPage(snapshots=snapshots, rows=len(rows), total=total)


def _total(page: Mapping[str, Any]) -> int | None:
    """How many notas all pages have, None where that is not said; ValueError for nonsense."""
    said = page.get("totalrecords")
    if said is None:
        return None
    text = str(said)
    if isinstance(said, bool) or not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValueError("not a list of notas")
    return int(text)


def read_findings(body: bytes) -> tuple[Finding, ...]:
    """Read a refusal: a list of errors, one error, text, HTML, or nothing (section 2.2)."""
    try:
        content = read_json(body)
    except ValueError:
        text = plain_reason(body[:2000].decode("utf-8", "replace"))
        return (Finding(code="", message=text),) if text else ()
    rows = content[:MOST_FINDINGS] if isinstance(content, list) else [content]
    return tuple(finding for row in rows if (finding := _finding(row)) is not None)


_LACKING: Final = re.compile(r"cr[ií]tica|pend[eê]nc|falta|erros", re.IGNORECASE)


def read_missing(body: bytes) -> tuple[str, ...]:
    """Read what a company's registration lacks; its shape is unconfirmed, so any JSON will do.

    An object that says nothing (no text, no number but zero, nothing true) lacks nothing. Where
    some of its members are named for what lacks, no others are listened to.
    """
    try:
        content = read_json(body)
    except ValueError:
        return ()
    if isinstance(content, dict):
        named = {name: told for name, told in content.items() if _LACKING.search(name)}
        if _says_nothing(named or content):
            return ()
    return tuple(finding.message for finding in read_findings(body) if finding.message)


def _says_nothing(value: object) -> bool:
    if isinstance(value, dict):
        return all(map(_says_nothing, value.values()))
    return not value or (isinstance(value, list) and all(map(_says_nothing, value)))


def read_xml(body: bytes) -> bytes:
    """Unwrap a document that may come as a JSON string (section 3.2); ValueError if it is none."""
    if body.lstrip()[:1] == b'"':
        content = read_json(body)
        body = content.encode() if isinstance(content, str) else b""
    root = _ROOT.match(body)
    if root is None or root[1].lower() == b"html":  # a login page is no document
        raise ValueError("not XML")
    return body


def created_filter(since: date, until: date, *, zone: bool = True) -> str:
    """The filter for notas created on the UTC days from `since` to `until` (section 3.3).

    Its instants bear their zone, or are written without one as the official PHP client does.
    """
    first, last = f"{since.isoformat()}T00:00:00Z", f"{until.isoformat()}T23:59:59Z"
    if not zone:
        first, last = (one.replace("T", " ").removesuffix("Z") for one in (first, last))
    return f"dataCriacao ge '{first}' and dataCriacao le '{last}'"


def _render_tomador(tomador: Tomador) -> dict[str, object]:
    document, foreign = tomador.document, tomador.foreign
    kind = "J" if document and len(document) == 14 else "F"
    return stripped(
        {
            "tipoPessoa": foreign.kind if foreign and not document else kind,
            "nome": tomador.name,
            "email": tomador.email,
            "cpfCnpj": document,
            "inscricaoMunicipal": tomador.municipal_registration,
            "telefone": tomador.phone,
            "endereco": _render_address(tomador, tomador.address) if tomador.address else None,
        }
    )


def _render_address(tomador: Tomador, address: Address) -> dict[str, object]:
    zip_abroad = tomador.foreign.zip if tomador.foreign else None
    # IBGE's code where it is known: a wrong name is a top cause of denials (section 4.2).
    return stripped(
        {
            "pais": address.country if is_foreign(address) else "Brasil",
            "uf": (address.state or "").upper(),
            "cidade": address.city_code or address.city,
            "logradouro": address.street,
            "numero": address.number or NO_NUMBER,
            "complemento": address.complement,
            "bairro": address.district,
            "cep": zip_abroad or normalise_cep(address.zip),
        }
    )


def _render_service(draft: NotaDraft) -> dict[str, object]:
    service = draft.service
    return stripped(
        {
            "descricao": draft.description,
            "aliquotaIss": float(service.iss_rate) if service.iss_rate is not None else None,
            "issRetidoFonte": service.iss_withheld,
            "codigoServicoMunicipio": service.municipal_code,
            "itemListaServicoLC116": service.lc116,
            "cnae": service.cnae,
            "codigoNBS": service.nbs,
            "codigoTributacaoNacional": service.national_code,
            "ibsCbs": _render_reform(service),
            **more_of_service(service, draft.withheld),
        }
    )


def _render_reform(service: Service) -> dict[str, object] | None:
    if not service.ibs_cbs_class and not service.ibs_cbs_operation:
        return None
    return stripped(
        {
            "classificacaoTributaria": service.ibs_cbs_class,
            "codigoIndicadorOperacao": service.ibs_cbs_operation,
        }
    )


def _finding(row: object) -> Finding | None:
    if isinstance(row, str):
        message = plain_reason(row[:LONGEST_TEXT])
        return Finding(code="", message=message) if message else None
    if not isinstance(row, dict):
        return None
    fields = _lowered(row)
    message = plain_reason(_text(fields, "mensagem") or _text(fields, "message"))
    code = _text(fields, "codigo") or ""
    if message or code:
        return Finding(code=code, message=message or code)
    told = json.dumps(row, ensure_ascii=False)[:LONGEST_TEXT] if row else ""
    return Finding(code="", message=told) if told else None


def _lowered(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error class for callers
    return {str(name).lower(): value for name, value in body.items()}


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\x00", "")[:LONGEST_TEXT].strip() or None


def _instant(fields: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(fields, name)
    if text is None:
        return None
    try:
        # .NET writes seven decimals; six are all that Python reads.
        instant = datetime.fromisoformat(_FRACTION.sub(lambda found: found.group()[:7], text))
        moment = (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment < LATEST else None


def _amount(fields: Mapping[str, Any], name: str) -> Cents | None:
    try:
        amount = read_reais(fields.get(name))
    except ValueError:
        return None
    return amount if abs(amount) <= MOST_AMOUNT else None


def read_city(company: Mapping[str, Any]) -> str | None:
    """Where a company is, by IBGE's code of seven digits; None where its registration lacks it."""
    address = company.get("endereco")
    inside = address.items() if isinstance(address, Mapping) else ()
    code = next((str(told) for name, told in inside if name.lower() == "codigoibgecidade"), "")
    return code if re.fullmatch(r"[0-9]{7}", code) else None


def read_regime(company: Mapping[str, Any]) -> Literal["mei", "simples", "normal"] | None:
    """How a company is taxed (`mei`, `optanteSimplesNacional`); None where that is not said."""
    if company.get("mei") is True:
        return "mei"
    match company.get("optantesimplesnacional"):
        case True:
            return "simples"
        case False:
            return "normal"
        case _:
            return None
