"""What every city denies by itself, whatever was scripted: some rules of the national list."""

from collections.abc import Mapping
from typing import Any, Final

from services.sandbox.documents import document_is_bad
from services.sandbox.enotas.records import VALID, Company, Json

# By a CEP's first digit, the states it may lie in: coarse, and the stand-in's own.
_REGIONS: Final[dict[str, str]] = {
    "0": "SP", "1": "SP", "2": "RJ ES", "3": "MG", "4": "BA SE", "5": "PE AL PB RN",
    "6": "CE PI MA PA AP AM RR AC", "7": "DF GO TO MT MS RO", "8": "PR SC", "9": "RS",
}  # fmt: skip


def denied_for(company: Company, body: Json) -> str | None:
    """The class of the denial a nota meets for what it says; None for one that passes."""
    client = body.get("cliente") or {}
    document = str(client.get("cpfCnpj") or "")
    if document_is_bad(document):
        return "document"
    if document and document == company.cnpj:  # E0202
        return "document"
    if (body.get("servico") or {}).get("issRetidoFonte") is True and len(document) != 14:
        return "service" if document else "document"  # E0667, E0204
    if _against_its_regime(company, body) or _of_another_city(company, body):
        return "service"
    if _rps_used(company, body):
        return "numbering"
    address = client.get("endereco") or {}
    cep, state = str(address.get("cep") or ""), str(address.get("uf") or "")
    if cep and state in " ".join(_REGIONS.values()).split():
        return None if state in _REGIONS.get(cep[0], "").split() else "address"  # E0240
    return None


def rps_of(body: Mapping[str, Any]) -> tuple[str, str, int] | None:
    """Environment, series and number of the RPS that a request numbers itself."""
    number = body.get("numeroRps")
    if not isinstance(number, int):
        return None
    return str(body.get("ambienteEmissao")), str(body.get("serieRps") or ""), number


def _rps_used(company: Company, body: Json) -> bool:
    asked = rps_of(body)
    if asked is None:
        return False
    return asked in company.rps_used or any(
        nota.status in VALID and nota.body is not body and rps_of(nota.body) == asked
        for nota in company.notas.values()
    )


def _against_its_regime(company: Company, body: Json) -> bool:
    """What the national issuer refuses of a MEI (E0583, E0600), and of Simples (E0621)."""
    service = body.get("servico") or {}
    withheld, rate = service.get("issRetidoFonte") is True, service.get("aliquotaIss")
    if company.details.get("mei") is True:
        return withheld or rate is not None
    return company.details.get("nacional") is True and withheld and (rate or 0) < 1.8


def _of_another_city(company: Company, body: Json) -> bool:
    """ISS withheld by a buyer that is not of the company's city (E0031)."""
    service, client = body.get("servico") or {}, body.get("cliente") or {}
    if service.get("issRetidoFonte") is not True or service.get("municipioPrestacaoServico"):
        return False
    city = str((client.get("endereco") or {}).get("cidade") or "")
    listed = service.get("itemListaServicoLC116") is not None
    return listed and city.isdigit() and city != company.city
