"""What a rule says beyond the panel's first form, in sentences. Pure.

It is stated by the internal API, mostly by the accountant's word. A change in the panel leaves it.
"""

from typing import Any, Final

from services.panel.kit import say
from shared.domain.cities import city_named
from shared.domain.fields.stated import CityDemands, OfBuyer, stated
from shared.domain.rule import Rule

# Of each: how a rule is said to have more than the form shows; in the order of the rule.
BEYOND: Final[dict[str, str]] = {
    "refunds": "o que acontece com a nota em cada tipo de estorno",
    "default_address": "o endereço usado quando o do cliente está incompleto",
    "complete_address_by_cep": "o estado do cliente é completado pelo CEP",
    "customer_foreign": "o que fazer com clientes do exterior",
    "customer_foreign_kind": "o tipo de pessoa dos clientes do exterior",
    "customer_foreign_without_nif": "clientes do exterior sem número fiscal",
    "competencia": "qual dia é a competência",
    "late_competencia": "o que fazer com uma competência de mês anterior",
    "mixed_services": "o que fazer com faturas de serviços diferentes",
    "seller_city": "o município da empresa",
    "regime": "o regime tributário da empresa",
    "reissue": "se uma nota é substituída ou cancelada e emitida de novo",
}
_PRODUCTS: Final = (
    "services_by_product_id",
    "services_by_product_code",
    "services_by_product_name",
)
BUYER: Final[dict[OfBuyer, str]] = {
    "document": "CPF ou CNPJ",
    "address": "endereço",
    "number": "número do endereço",
    "email": "e-mail",
    "phone": "telefone",
    "municipal_registration": "inscrição municipal",
}


def of_cities(rule: Rule) -> list[str]:
    """What cities demand, each in a sentence; it has a form of its own."""
    return [f"A cidade de {_city(code)} exige: {demands(of)}." for code, of in rule.cities.items()]


def beyond_form(rule: Rule) -> list[str]:
    """What no form asks for, each in a sentence; nothing where the rule is plain."""
    said = []
    if products := sum(len(getattr(rule, name)) for name in _PRODUCTS):
        said.append(f"Serviço próprio: {say.counted(products, 'produto', 'produtos')}.")
    if customers := len(rule.customers):
        said.append(f"Dados próprios na nota: {say.counted(customers, 'cliente', 'clientes')}.")
    if _more_of_service(rule):
        said.append("Outros dados do serviço: definidos (retenções, local, observações e afins).")
    plain = Rule.model_fields
    others = [
        label
        for name, label in BEYOND.items()
        if getattr(rule, name) != plain[name].get_default(call_default_factory=True)
    ]
    return [*said, *([f"Definido fora desta página: {'; '.join(others)}."] if others else [])]


def demands(of: CityDemands) -> str:
    """What one city wants, as an accountant would say it."""
    said = []
    if of.iss_rate is not None:
        said.append(
            "a alíquota do ISS na nota"
            if of.iss_rate == "required"
            else "nenhuma alíquota do ISS na nota"
        )
    if of.iss_rate_least is not None:
        said.append(f"alíquota de {_rate(of.iss_rate_least)} ou mais")
    if of.iss_rate_most is not None:
        said.append(f"alíquota de {_rate(of.iss_rate_most)} ou menos")
    if of.buyer:
        said.append(f"do cliente, {', '.join(BUYER[name] for name in of.buyer)}")
    return "; ".join(said) or "nada"


def _more_of_service(rule: Rule) -> dict[str, Any]:
    found = stated(rule.service)
    return found | ({"ibs_cbs": rule.service.ibs_cbs} if rule.service.ibs_cbs else {})


def _city(code: str) -> str:
    return city_named(code) or code


def _rate(rate: str) -> str:
    return f"{rate.replace('.', ',')}%"
