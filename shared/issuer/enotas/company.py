"""A company as eNotas shows it. Names of fields are theirs, and compared without case.

Source: eNotas' documentation of `GET /v1/empresas/{id}`. It says that the certificate's
`dataVencimento` is shown on reading, and not where: each likely place is looked at.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from shared.domain.city_zones import zone_of_city
from shared.domain.company_facts import CompanyFacts

_CERTIFICATES: Final = ("certificadodigital", "certificado")
_LONGEST: Final = 60
_MORE_DIGITS: Final = re.compile(r"(\.\d{6})\d+")  # .NET writes seven of a second


def read_facts(company: Mapping[str, Any]) -> CompanyFacts:
    """What it says beside the name; `company` has its names in small letters. Never raises."""
    address = _part(company, "endereco")
    city = _text(address, "codigoibgecidade")
    return CompanyFacts(
        municipal_registration=_text(company, "inscricaomunicipal"),
        city=city,
        simples=_flag(company, "optantesimplesnacional"),
        service=_text(company, "codigoservicomunicipal"),
        lc116=_text(company, "itemlistaservicolc116"),
        cnae=_text(company, "cnae"),
        certificate_until=_certificate(company, zone_of_city(city)),
    )


def _certificate(company: Mapping[str, Any], zone: ZoneInfo) -> date | None:
    for place in (*(_part(company, name) for name in _CERTIFICATES), company):
        for name in ("datavencimento", "datavencimentocertificado", "certificadodatavencimento"):
            until = _day(place.get(name), zone)
            if until is not None:
                return until
    return None


def _part(fields: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = fields.get(name)
    if not isinstance(part, dict):
        return {}
    return {str(key).lower(): value for key, value in part.items()}


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).replace("\0", "").strip()[:_LONGEST] or None


def _flag(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    return value if isinstance(value, bool) else None


def _day(value: object, zone: ZoneInfo) -> date | None:
    """The day on which an instant falls where the company is; as it is written without a zone.

    A certificate that ends with a day of Brasília's is written as three o'clock of the next, UTC.
    """
    if not isinstance(value, str):
        return None
    try:
        day = date.fromisoformat(value[:10])
    except ValueError:
        return None
    try:
        instant = datetime.fromisoformat(_MORE_DIGITS.sub(r"\1", value))
        return day if instant.tzinfo is None else instant.astimezone(zone).date()
    except (ValueError, OverflowError):
        return day
