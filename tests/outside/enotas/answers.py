"""What the Gateway says of files, lists, companies and cities, in each form the papers allow.

Source: the reference of eNotas' APIs, sections 2 to 5.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.outside.enotas.records import Company, Nota, rendered

LOGIN = b"<!DOCTYPE html><html><body><form action='/entrar'>Entre</form></body></html>"


def errors(code: str, message: str) -> list[dict[str, str]]:
    return [{"codigo": code, "mensagem": message}]


def absent(company: Company) -> tuple[int, Any]:
    match company.readings.absent:
        case "array":
            return 404, errors("GEN404", "Nota não encontrada")
        case "object":
            return 404, {"mensagem": "Nota não encontrada"}
        case "html":
            return 404, b"<html><body><h1>404</h1></body></html>"
    return 404, b""


def accepted(company: Company, nota: Nota) -> tuple[int, Any]:
    """The answer to a request that issues or cancels."""
    match company.readings.accepted:
        case "201":
            return 201, {"nfeId": nota.id}
        case "capitals":
            return 200, {"NfeId": nota.id.upper()}
        case "text":
            return 200, nota.id
        case "empty":
            return 200, b""
    return 200, {"nfeId": nota.id}


def file_of(company: Company, nota: Nota, kind: str) -> tuple[int, Any]:
    if nota.status not in {"Autorizada", "Cancelada", "CancelamentoNegado"}:
        match company.readings.early_file:
            case "400":
                return 400, errors("GEN002", "A nota ainda não foi autorizada")
            case "login":
                return 200, LOGIN
            case "json":
                return 200, {"mensagem": "Ainda não disponível"}
        return 404, b""
    if kind == "pdf":
        return 200, b"%PDF-1.4 " + nota.id.encode()
    xml = f"<?xml version='1.0'?><nfse><numero>{nota.number}</numero></nfse>"
    return 200, xml.encode() if company.readings.xml == "raw" else xml


def listed(company: Company, request: web.Request) -> tuple[int, Any]:
    asked = request.query
    readings = company.readings
    refused = _not_taken(company, request)
    if refused:
        return 400, errors("GEN001", refused)
    size = min(int(asked.get("pageSize", "100")), readings.list_most)
    page = int(asked.get("pageNumber", "0"))
    rows = sorted(company.notas, key=lambda nota: nota.created_at)
    if readings.list_filter and asked.get("filter"):
        rows = [nota for nota in rows if _passes(asked["filter"], nota)]
    if asked.get("sortDirection", "asc") == "desc" and readings.list_sort != "never":
        rows.reverse()
    shown = rows[page * size : (page + 1) * size]
    short = readings.list_rows == "short"
    data = [rendered(company, nota, short=short) for nota in shown]
    match readings.list_total:
        case "absent":
            return 200, {"data": data}
        case "page":
            return 200, {"totalRecords": len(data), "data": data}
        case "text":
            return 200, {"totalRecords": str(len(rows)), "data": data}
    return 200, {"totalRecords": len(rows), "data": data}


def _not_taken(company: Company, request: web.Request) -> str:
    """What of a list's question this Gateway refuses; "" for nothing."""
    asked, readings = request.query, company.readings
    if asked.get("filter") and readings.list_filter_refused:
        return "filter"
    taken = readings.list_sort
    if asked.get("sortBy") and taken not in {"any", "never", asked["sortBy"]}:
        return "sortBy"
    return ""


def _passes(text: str, nota: Nota) -> bool:
    for term in re.split(r"\s+and\s+", text):
        found = re.fullmatch(r"\s*(\w+)\s+(eq|ge|le)\s+'([^']*)'\s*", term)
        if found is None:
            raise web.HTTPBadRequest(text=json.dumps(errors("GW030", "filter")))
        name, operator, value = found.groups()
        if name == "status":
            if nota.status.lower() != value.lower():
                return False
            continue
        written = datetime.fromisoformat(value)
        at = written if written.tzinfo else written.replace(tzinfo=UTC)
        created = nota.created_at.replace(microsecond=0)
        if (operator == "ge" and created < at) or (operator == "le" and created > at):
            return False
    return True


def lacking(company: Company) -> tuple[int, Any]:
    """What a company's record lacks; the answer's shape is known to nobody."""
    missing = company.missing
    match company.readings.lacking:
        case "errors":
            return 200, [{"codigo": "002", "mensagem": each} for each in missing]
        case "object":
            return 200, {"criticas": missing, "possuiCriticas": bool(missing)}
        case "text":
            return 200, "; ".join(missing)
        case "nothing":
            return 200, missing or b""
        case "null":
            return 200, missing or None
        case "204":
            return (200, missing) if missing else (204, b"")
        case "404":
            return 404, b""
    return 200, missing


def company_as_told(company: Company) -> dict[str, Any]:
    whole = {
        "id": company.id,
        "status": "Habilitada",
        "dadosObrigatoriosPreenchidos": not company.missing,
        "cnpj": company.cnpj,
        "inscricaoMunicipal": "12345678",
        "inscricaoEstadual": None,
        "razaoSocial": company.name,
        "nomeFantasia": company.name,
        "optanteSimplesNacional": True,
        "email": "fiscal@loja.example",
        "telefoneComercial": "1133334444",
        "endereco": {
            "pais": "Brasil",
            "uf": "SP",
            "cidade": "São Paulo",
            "codigoIbgeUf": 35,
            "codigoIbgeCidade": 3550308,
            "logradouro": "Rua de Exemplo",
            "numero": "1",
            "complemento": None,
            "bairro": "Centro",
            "cep": "01001000",
        },
        "codigoServicoMunicipal": "02800",
        "itemListaServicoLC116": "1.07",
        "aliquotaIss": 2.0,
        "enviarEmailCliente": False,
    }
    match company.readings.company:
        case "little":
            return {name: whole[name] for name in ("id", "razaoSocial", "cnpj")}
        case "odd":
            odd = {"aliquotaIss": "0,02", "codigoServicoMunicipal": 2800, "mei": "false"}
            return {**whole, **odd, "id": company.id.lower(), "optanteSimplesNacional": "S"}
        case "no address":
            return {**whole, "endereco": None}
    return whole


def of_city(path: str, reading: str) -> tuple[int, Any]:
    if not path.endswith("/provedor"):
        return 200, {"totalRecords": 0, "data": []}
    match reading:
        case "unsupported":
            return 404, errors("GEN404", "Cidade não suportada")
        case "broken":
            return 500, b""
        case "little":
            return 200, {"tipoAutenticacao": "1"}
    return 200, {
        "tipoAutenticacao": 1,
        "assinaturaDigital": 2,
        "suportaCancelamento": True,
        "usaAEDF": False,
        "usaRegimeEspecialTributacao": True,
        "usaCodigoServicoMunicipal": True,
        "usaDescricaoServico": False,
        "usaCNAE": False,
        "usaItemListaServico": False,
        "suportaEmissaoNFeSemCliente": True,
        "suportaEmissaoNFeClienteSemCpf": True,
        "suportaEmissaoNFeClienteSemEndereco": True,
        "suportaCancelamentoNFeSemCliente": True,
        "suportaCancelamentoNFeClienteSemCpf": True,
        "regimesEspecialTributacao": [],
    }
