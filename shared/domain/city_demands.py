"""What one city demands of notas, as the tenant's accountant states it: nobody publishes it. Pure.

A nota that a city would surely refuse by this is held before it is sent, with the word the refusal
would have. What nobody stated is left to the city.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

from shared.domain.decision import Hold
from shared.domain.fields.stated import CityDemands, OfBuyer
from shared.domain.fiscal import city_of_incidence
from shared.domain.nota import NotaDraft, Service, Tomador
from shared.domain.sale import Seller


def _number(buyer: Tomador) -> str | None:
    """The number of a house; one that has none says so by words, which is no number."""
    number = buyer.address.number if buyer.address is not None else None
    return number if number and any(letter.isdigit() for letter in number) else None


# Of each: the word a refusal has, what is missing in Portuguese, and where the nota has it.
_OF_BUYER: Final[Mapping[OfBuyer, tuple[str, str, Callable[[Tomador], object]]]] = {
    "document": ("denied_document", "CPF ou CNPJ", lambda buyer: buyer.document),
    "address": ("denied_address", "endereço", lambda buyer: buyer.address),
    "number": ("denied_address", "número do endereço", _number),
    "email": ("denied_contact", "e-mail", lambda buyer: buyer.email),
    "phone": ("denied_contact", "telefone", lambda buyer: buyer.phone),
    "municipal_registration": (
        "denied_document",
        "inscrição municipal",
        lambda buyer: buyer.municipal_registration,
    ),
}


def demanded(
    draft: NotaDraft, seller: Seller | None, cities: Mapping[str, CityDemands]
) -> Hold | None:
    """Say what of a nota a city would refuse, by what was stated of it; None: nothing known."""
    issuing = seller.city if seller is not None else None
    address = draft.tomador.address
    due = city_of_incidence(draft.service, issuing, address.city_code if address else None)
    if (of_rate := cities.get(due or issuing or "")) is not None:
        found = _rate(draft.service, of_rate)
        if found is not None:
            return found
    of_buyer = cities.get(issuing or "")
    return _buyer(draft.tomador, of_buyer) if of_buyer is not None else None


def _rate(service: Service, of: CityDemands) -> Hold | None:
    if service.export or service.immunity is not None:
        return None
    rate = service.iss_rate
    if rate is None:
        if of.iss_rate == "required":
            return _held("alíquota do ISS: a cidade a exige na nota [E0619]")
        return None
    if of.iss_rate == "forbidden":
        return _held("alíquota do ISS: a cidade não a quer na nota [E0617]")
    if of.iss_rate_least is not None and Decimal(rate) < Decimal(of.iss_rate_least):
        return _held(f"alíquota do ISS: a cidade pede {_shown(of.iss_rate_least)} % ou mais")
    if of.iss_rate_most is not None and Decimal(rate) > Decimal(of.iss_rate_most):
        return _held(f"alíquota do ISS: a cidade pede {_shown(of.iss_rate_most)} % ou menos")
    return None


def _buyer(buyer: Tomador, of: CityDemands) -> Hold | None:
    if buyer.foreign is not None:
        return None
    for name in of.buyer:
        code, said, has = _OF_BUYER[name]
        if not has(buyer):
            return Hold(code=code, detail=f"{said} do cliente: a cidade da empresa exige")
    return None


def _held(detail: str) -> Hold:
    return Hold(code="denied_service", detail=detail)


def _shown(rate: str) -> str:
    return rate.replace(".", ",")
