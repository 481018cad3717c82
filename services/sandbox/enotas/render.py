"""eNotas' JSON of notas and companies, and the downloads of a nota."""

import hashlib
from typing import Any, Final

from services.sandbox.enotas.records import VALID, Company, Json, Nota, iso

_FILE: Final = "http://api.enotasgw.com.br/file"
_DONE: Final = frozenset({"Autorizada", "Cancelada", "CancelamentoNegado"})


def nota_body(company: Company, nota: Nota) -> Json:
    """Render a nota as GET shows it; fields without a value are absent, or null by switch."""
    sent = nota.body
    body: Json = {
        "id": nota.id, "tipo": "NFS-e", "idExterno": nota.external_id,
        "status": company.faults.status_words.get(nota.status, nota.status),
        "motivoStatus": nota.reason, "ambienteEmissao": sent.get("ambienteEmissao"),
        "enviadaPorEmail": bool(sent.get("enviarPorEmail")) and nota.status in _DONE,
        "dataCriacao": iso(nota.created), "dataUltimaAlteracao": iso(nota.changed),
        "cliente": sent.get("cliente"), "numeroRps": nota.rps,
        "serieRps": sent.get("serieRps") or "E",
        "dataCompetenciaRps": sent.get("dataCompetencia") or iso(nota.created),
        "servico": sent.get("servico"), "naturezaOperacao": sent.get("naturezaOperacao"),
        **{name: _service(sent).get(name) or 0
           for name in ("valorCofins", "valorCsll", "valorInss", "valorIr", "valorPis")},
        "valorIss": _iss(sent), "deducoes": sent.get("deducoes") or 0,
        "descontos": sent.get("descontos") or 0,
        "descontoCondicionado": sent.get("descontoCondicionado") or 0,
        "valorTotal": sent.get("valorTotal"), "observacoes": sent.get("observacoes"),
        "metadados": sent.get("metadados") or {},
    }  # fmt: skip
    issued = _issued_fields(company, nota)
    if company.faults.nulls_for_absent:
        return body | issued
    return body | {name: value for name, value in issued.items() if value is not None}


def _service(sent: Json) -> Json:
    service = sent.get("servico")
    return service if isinstance(service, dict) else {}


def _iss(sent: Json) -> float:
    """The tax on the price, less deductions and the discount that lowers the base."""
    total, *less = (float(sent.get(name) or 0) for name in ("valorTotal", "descontos", "deducoes"))
    base = total - sum(less)
    return round(base * float(_service(sent).get("aliquotaIss") or 0) / 100, 2)


def _issued_fields(company: Company, nota: Nota) -> Json:
    link = _link(company, nota) if nota.status in _DONE else None
    known = nota.number is not None and (nota.status in VALID or nota.cancelled is not None
                                         or "ancel" in nota.status)  # fmt: skip
    return {
        "numero": _number(nota) if known else None,
        "codigoVerificacao": _code(nota) if known else None,
        "chaveAcesso": _access_key(company, nota) if known else None,
        "dataAutorizacao": iso(nota.authorised) if known else None,
        "dataCancelamento": iso(nota.cancelled),
        "linkDownloadPDF": link and f"{link}/pdf", "linkDownloadXML": link and f"{link}/xml",
    }  # fmt: skip


def webhook_body(company: Company, nota: Nota) -> Json:
    """Render the webhook of a nota; the company's id in capitals, as in the panel."""
    link = _link(company, nota) if nota.status in _DONE else None
    shown = nota.status in _DONE
    return {
        "tipo": "NFS-e", "empresaId": company.id.upper(), "nfeId": nota.id,
        "nfeIdExterno": nota.external_id,
        "nfeStatus": company.faults.status_words.get(nota.status, nota.status),
        "nfeMotivoStatus": nota.reason, "nfeLinkPdf": link and f"{link}/pdf",
        "nfeLinkXml": link and f"{link}/xml", "nfeNumero": _number(nota) if shown else None,
        "nfeCodigoVerificacao": _code(nota) if shown else None, "nfeNumeroRps": str(nota.rps),
        "nfeSerieRps": "E",
        "nfeDataCompetencia": nota.body.get("dataCompetencia") or iso(nota.created),
    }  # fmt: skip


def company_body(company: Company) -> Json:
    """Render a company."""
    expired = company.faults.certificate_expired
    until = "2026-03-12T12:00:00Z" if expired else company.certificate_until
    return {
        "id": company.id, "status": "Habilitada" if company.enabled else "Desabilitada",
        "dadosObrigatoriosPreenchidos": not company.missing, "cnpj": company.cnpj,
        "razaoSocial": company.name, "nomeFantasia": company.name, "inscricaoMunicipal": "12345",
        "optanteSimplesNacional": True, "endereco": {"codigoIbgeCidade": company.city},
        "certificadoDigital": {"nome": company.name, "dataVencimento": until},
    } | company.details  # fmt: skip


def downloadable(nota: Nota) -> bool:
    """Say whether PDF and XML exist."""
    return nota.status in _DONE


def pdf(nota: Nota) -> bytes:
    """Make a small PDF; a cancelled nota's carries a stamp."""
    stamp = " CANCELADA" if nota.status == "Cancelada" else ""
    text = f"BT /F1 18 Tf 40 780 Td (NFS-e {_number(nota)}{stamp}) Tj ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources "
            "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
    )
    body, offsets = "%PDF-1.4\n", []
    for i, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{i} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 5\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


def xml(company: Company, nota: Nota) -> str:
    """Make a small XML of a nota."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<CompNfse><Nfse><InfNfse><Numero>{_number(nota)}</Numero>"
        f"<CodigoVerificacao>{_code(nota)}</CodigoVerificacao>"
        f"<Prestador>{company.cnpj}</Prestador>"
        f"<Valor>{_plain(nota.body.get('valorTotal'))}</Valor>"
        f"<Situacao>{nota.status}</Situacao></InfNfse></Nfse></CompNfse>"
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else str(value or 0)


def _number(nota: Nota) -> str:
    return f"2026{nota.number or 0:011d}"


def _code(nota: Nota) -> str:
    return _digest(nota)[:8].upper()


def _access_key(company: Company, nota: Nota) -> str:
    return f"{company.cnpj}{nota.number:030d}"


def _link(company: Company, nota: Nota) -> str:
    return f"{_FILE}/{company.id}/{_digest(nota)}"


def _digest(nota: Nota) -> str:
    return hashlib.sha256(nota.id.encode()).hexdigest()[:32]
