"""What a nota says beyond buyer, service and price, by eNotas' names (enotas-api, 4 and 10).

Each is absent where nobody stated it. Withheld amounts are flat fields of the service.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from shared.domain.countries import country_name
from shared.domain.money import Cents
from shared.domain.nota import (
    BuyerAbroad,
    NotaDraft,
    OwnPisCofins,
    PlaceOfService,
    Service,
    Withheld,
)

ABROAD: Final = "EX"
NO_CITY: Final = "9999999"  # of a service rendered abroad


def reais(cents: Cents) -> float:
    """Write centavos as a number whose JSON is exact: `9990` is `99.9`.

    The quotient is the double next to the amount, and what has up to fifteen digits is written
    back with just those digits.
    """
    return cents / 100


def stripped(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


def more_of_nota(draft: NotaDraft, *, mailed: bool) -> dict[str, object]:
    """Fields of the request itself; copies go to nobody where the nota itself is not mailed."""
    if not (
        draft.nature
        or draft.deductions
        or draft.discount
        or draft.conditional_discount
        or draft.observations
        or draft.rps_series
        or draft.rps_number is not None
        or draft.final_consumer is not None
        or draft.more_emails
        or draft.extras
        or draft.tomador.foreign
    ):  # as most notas: nothing to look for
        return {}
    copies = mailed and draft.more_emails
    return stripped(
        {
            "naturezaOperacao": draft.nature,
            "deducoes": _unless_nothing(draft.deductions),
            "descontos": _unless_nothing(draft.discount),
            "descontoCondicionado": _unless_nothing(draft.conditional_discount),
            "observacoes": draft.observations,
            "serieRps": draft.rps_series,
            "numeroRps": draft.rps_number,
            "consumidorFinal": draft.final_consumer,
            "dadosAdicionaisEmail": _copies(draft) if copies else None,
            "metadados": _extras(draft) or None,
        }
    )


def more_of_service(service: Service, withheld: Withheld | None) -> Mapping[str, object]:
    """Fields of the service."""
    return _more_of_service(service, None) if withheld is None else _more(service, withheld)


def _more(service: Service, withheld: Withheld | None) -> Mapping[str, object]:
    suspension = service.suspension
    return stripped(
        {
            "descricaoServicoMunicipio": service.city_text,
            "codigoInternoServicoMunicipal": service.internal_code,
            **(_place(service.place) if service.place else {}),
            "exportacao": service.export,
            "regimeEspecialTributacao": service.special_regime,
            "tipoImunidadeIss": service.immunity,
            "exigibilidadeSuspensa": suspension
            and {"tipo": suspension.kind, "numeroProcesso": suspension.process},
            "situacaoTributariaPisCofins": service.pis_cofins_situation,
            "tipoRetencaoPisCofins": service.pis_cofins_withholding,
            "pisCofinsApuracaoPropria": _own(service.own_pis_cofins),
            **(_withheld(withheld) if withheld else {}),
        }
    )


_more_of_service: Final = lru_cache(maxsize=1024)(_more)  # a rule's services, over and over


def _withheld(withheld: Withheld) -> dict[str, object]:
    return {
        "valorPis": _unless_nothing(withheld.pis),
        "valorCofins": _unless_nothing(withheld.cofins),
        "valorCsll": _unless_nothing(withheld.csll),
        "valorInss": _unless_nothing(withheld.inss),
        "valorIr": _unless_nothing(withheld.irrf),
    }


def _place(place: PlaceOfService) -> dict[str, object]:
    if place.country is not None:
        return {
            "ufPrestacaoServico": ABROAD,
            "municipioPrestacaoServico": NO_CITY,
            "paisPrestacaoServico": country_name(place.country),
        }
    return {"ufPrestacaoServico": place.state, "municipioPrestacaoServico": place.city}


def _own(own: OwnPisCofins | None) -> dict[str, object] | None:
    if own is None:
        return None
    return {
        "baseCalculo": reais(own.base),
        "aliquotaPis": float(own.pis_rate),
        "valorPis": reais(own.pis),
        "aliquotaCofins": float(own.cofins_rate),
        "valorCofins": reais(own.cofins),
    }


def _copies(draft: NotaDraft) -> dict[str, object]:
    return {"outrosDestinatarios": ";".join(draft.more_emails)}


def _extras(draft: NotaDraft) -> dict[str, Any]:
    """Extras as an object; a name with a dot is a field inside another."""
    abroad = _of_buyer(draft.tomador.foreign) if draft.tomador.foreign else {}
    whole: dict[str, Any] = {}
    for name, text in {**abroad, **draft.extras}.items():
        outer, dot, inner = name.partition(".")
        if dot:
            whole.setdefault(outer, {})[inner] = text
        else:
            whole[outer] = text
    return whole


def _of_buyer(foreign: BuyerAbroad) -> dict[str, str]:
    """What the national layout has of a buyer abroad and eNotas names no field for."""
    said = {
        "nif": foreign.tax_number,
        "naoNif": foreign.no_number_because,
        "codigoPais": foreign.country_code,
        "provincia": foreign.province,
    }
    return {name: text for name, text in said.items() if text}


def _unless_nothing(amount: Cents) -> float | None:
    return reais(amount) if amount else None
