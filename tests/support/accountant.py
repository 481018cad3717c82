"""A month recomputed from the bodies that were posted, as an accountant would with a calculator.

It shares no arithmetic and no names with what it checks: it knows eNotas' fields and Decimal.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

CENT = Decimal("0.01")
Body = Mapping[str, Any]
# What makes a line: code of the city, LC 116, national code, NBS, rate, withheld, taxation, class.
Line = tuple[Any, ...]


@dataclass(slots=True, kw_only=True)
class Sheet:
    """One line of the accountant's table."""

    notas: int = 0
    amounts: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


def recompute(bodies: Iterable[Body]) -> dict[Line, Sheet]:
    """Add posted notas up, a line for each service, rate and withholding."""
    lines: dict[Line, Sheet] = defaultdict(Sheet)
    for body in bodies:
        sheet = lines[line_of(body)]
        sheet.notas += 1
        for name, amount in amounts_of(body).items():
            sheet.amounts[name] += amount
    return dict(lines)


def whole(lines: Mapping[Line, Sheet]) -> Sheet:
    """The table's last line."""
    total = Sheet()
    for sheet in lines.values():
        total.notas += sheet.notas
        for name, amount in sheet.amounts.items():
            total.amounts[name] += amount
    return total


def line_of(body: Body) -> Line:
    service, reform = body["servico"], body["servico"].get("ibsCbs") or {}
    rate = service.get("aliquotaIss")
    return (
        service.get("codigoServicoMunicipio"),
        service.get("itemListaServicoLC116"),
        service.get("codigoTributacaoNacional"),
        service.get("codigoNBS"),
        None if rate is None else decimal(rate).normalize(),
        bool(service.get("issRetidoFonte")),
        taxation_of(service),
        reform.get("classificacaoTributaria"),
        reform.get("codigoIndicadorOperacao"),
    )


def taxation_of(service: Mapping[str, Any]) -> str:
    if service.get("exportacao"):
        return "export"
    if service.get("tipoImunidadeIss"):
        return "immune"
    return "suspended" if service.get("exigibilidadeSuspensa") else "taxable"


def amounts_of(body: Body) -> dict[str, Decimal]:
    service = body["servico"]
    gross = decimal(body["valorTotal"])
    unconditional, conditional = (
        decimal(body.get("descontos")),
        decimal(body.get("descontoCondicionado")),
    )
    deductions = decimal(body.get("deducoes"))
    base = max(Decimal(0), gross - unconditional - deductions)
    taxation, rate = taxation_of(service), service.get("aliquotaIss")
    iss = Decimal(0)
    if rate is not None and taxation in {"taxable", "suspended"}:
        iss = (base * decimal(rate) / 100).quantize(CENT, ROUND_HALF_EVEN)
    withheld = bool(service.get("issRetidoFonte"))
    federal = {
        "pis": decimal(service.get("valorPis")),
        "cofins": decimal(service.get("valorCofins")),
        "csll": decimal(service.get("valorCsll")),
        "inss": decimal(service.get("valorInss")),
        "irrf": decimal(service.get("valorIr")),
    }
    suspended = taxation == "suspended"
    kept_back = sum(federal.values(), iss if withheld and not suspended else Decimal(0))
    return {
        "total": gross,
        "discount": unconditional,
        "conditional_discount": conditional,
        "deductions": deductions,
        "base": base,
        "iss_own": iss if not withheld and not suspended else Decimal(0),
        "iss_withheld": iss if withheld and not suspended else Decimal(0),
        "iss_suspended": iss if suspended else Decimal(0),
        **federal,
        "net": gross - unconditional - conditional - kept_back,
    }


def decimal(value: object) -> Decimal:
    """A number of a body, exactly as it was written."""
    return Decimal(0) if value is None else Decimal(repr(value))
