"""A nota that would surely be refused, told before it is sent. Pure, a few comparisons a nota.

Each check names the word the refusal would have, the official code it would come with, and in
`detail` the field to mend; the sale goes on by itself once that is mended. What only the city knows
is left to the city.
"""

from typing import Final

from shared.domain.bill import Address
from shared.domain.cep import state_of_cep
from shared.domain.decision import Hold
from shared.domain.fiscal import city_of_incidence
from shared.domain.money import NOTHING, Cents
from shared.domain.nota import NotaDraft, Service, Withheld
from shared.domain.party import ABROAD
from shared.domain.regime_refusal import regime_refusal
from shared.domain.sale import Seller

# The whole CNPJ counts: a branch may buy from its head office.
_SELF: Final = Hold(
    code="denied_document",
    detail="CNPJ do cliente: é o da própria empresa que emite [E0202]",
)
# What another company at the issuer, or another registration of it, may free.
ON_SELLER: Final = ("denied_document", "denied_service")
_CPF: Final = 11


def precheck(draft: NotaDraft, seller: Seller | None) -> Hold | None:
    """Say why a nota would be refused; None when nothing we know of speaks against it."""
    buyer = draft.tomador
    if seller is not None and seller.cnpj is not None and buyer.document == seller.cnpj:
        return _SELF
    if draft.service.iss_withheld and (found := _withheld(draft)) is not None:
        return found
    if seller is not None:
        if draft.service.iss_withheld and (found := _of_another_city(draft, seller)) is not None:
            return found
        if seller.regime and (found := regime_refusal(draft, seller.regime)) is not None:
            return found
    if draft.discount or draft.conditional_discount or draft.deductions or draft.withheld:
        found = _amounts(draft)
        if found is not None:
            return found
    # One of the rule's own may be from before rules were held against the ranges.
    if buyer.address is None or buyer.foreign is not None:
        return None
    return held_cep(buyer.address)


def held_cep(address: Address) -> Hold | None:
    """A CEP that exists nowhere, or in another state than the address (E0240)."""
    found = state_of_cep(address.zip or "")
    if address.state in (found, ABROAD):
        return None
    if found is None:
        return Hold(code="denied_address", detail="CEP do cliente: não existe")
    return Hold(
        code="denied_address",
        detail=f"CEP do cliente: é de {found}, e o endereço, de {address.state}",
    )


def _withheld(draft: NotaDraft) -> Hold | None:
    document = draft.tomador.document
    if not document:
        return Hold(
            code="denied_document",
            detail="CNPJ do cliente: é obrigatório com ISS retido [E0204]",
        )
    if len(document) == _CPF:
        return Hold(
            code="denied_service",
            detail="retenção do ISS: pessoa física não retém [E0667]",
        )
    if draft.tomador.address is None:
        return Hold(
            code="denied_address",
            detail="endereço do cliente: é obrigatório com ISS retido [E0237]",
        )
    return _withheld_from_what(draft.service)


def _withheld_from_what(service: Service) -> Hold | None:
    if service.export or service.immunity is not None:
        return Hold(
            code="denied_service",
            detail="retenção do ISS: na exportação e na imunidade nada é retido [E0580]",
        )
    if service.special_regime not in (None, "0"):  # 0: none
        return Hold(
            code="denied_service",
            detail="retenção do ISS: com regime especial de tributação nada é retido [E0588]",
        )
    return None


def _of_another_city(draft: NotaDraft, seller: Seller) -> Hold | None:
    """A buyer keeps ISS back for its own city alone, which has to be the one where it is due.

    Where that is comes from LC 116, art. 3; a city nobody told us speaks against nothing.
    """
    address = draft.tomador.address
    buyers = address.city_code if address is not None else None
    due = city_of_incidence(draft.service, seller.city, buyers)
    if due is None or buyers is None or due == buyers:
        return None
    return Hold(
        code="denied_service",
        detail="retenção do ISS: o cliente é de outra cidade que não a do imposto [E0031]",
    )


def _amounts(draft: NotaDraft) -> Hold | None:
    total = draft.total
    if draft.discount >= total or draft.conditional_discount >= total:
        return Hold(code="denied_service", detail="desconto: não cabe no valor da nota [E0432]")
    kept = NOTHING if draft.withheld is None else _sum(draft.withheld)
    taken = draft.discount + draft.conditional_discount + draft.deductions + kept
    if taken > total:
        return Hold(
            code="denied_service",
            detail="retenções: somadas a descontos e deduções, passam do valor da nota [E0428]",
        )
    return None


def _sum(kept: Withheld) -> Cents:
    return Cents(kept.pis + kept.cofins + kept.csll + kept.inss + kept.irrf + kept.iss)
