"""What a rule says beyond the panel's first form, in sentences. Pure.

It is stated by the internal API, mostly by the accountant's word. A change in the panel leaves it.
"""

from typing import Any, Final

from services.panel.kit import say
from shared.domain.cities import city_named
from shared.domain.fields.stated import CityDemands, OfBuyer, stated
from shared.domain.rule import Rule, ServiceRule

# Of each: how a rule is said to have more than the form shows; in the order of the rule.
BEYOND: Final[dict[str, str]] = {
    "refunds": "o que acontece com a nota em cada tipo de estorno",
    "default_address": "o endereço usado quando o do cliente está incompleto",
    "complete_address_by_cep": "o estado do cliente é completado pelo CEP",
    "customer_foreign": "o que fazer com clientes do exterior",
    "customer_foreign_kind": "o tipo de pessoa dos clientes do exterior",
    "customer_foreign_without_nif": "clientes do exterior sem número fiscal",
    "competencia": "qual dia é a competência",
    "mixed_services": "o que fazer com faturas de serviços diferentes",
    "seller_city": "o município da empresa",
    "regime": "o regime tributário da empresa",
    "reissue": "se uma nota é substituída ou cancelada e emitida de novo",
}
# By what a product is known, in the order in which its own service is looked for.
PRODUCTS: Final = {
    "id": "services_by_product_id",
    "code": "services_by_product_code",
    "name": "services_by_product_name",
}
_KNOWN_BY: Final = {"id": "número {} na Vindi", "code": "{}", "name": "chamado {}"}
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


def of_products(rule: Rule) -> list[str]:
    """The products that have a service of their own, each in a sentence; it has a form too."""
    return [
        of_product(by, product, service)
        for by, name in PRODUCTS.items()
        for product, service in getattr(rule, name).items()
    ]


def of_product(by: str, product: str, service: ServiceRule) -> str:
    """`Serviço do produto CURSO: código municipal 123, item da lista 8.02, ISS 2,00%.`."""
    codes = (
        ("código municipal", service.municipal_code),
        ("item da lista", service.lc116),
        ("ISS", _rate(service.iss_rate) if service.iss_rate else None),
        ("CNAE", service.cnae),
        ("NBS", service.nbs),
        ("código nacional", service.national_code),
    )
    said = [f"{label} {value}" for label, value in codes if value]
    said += ["o cliente retém o ISS"] if service.iss_withheld else []
    said += ["e outros dados, que só o suporte muda"] if _more(service) else []
    told = ", ".join(said) or "nenhum código"
    return f"Serviço do produto {_KNOWN_BY[by].format(product)}: {told}."


def beyond_form(rule: Rule) -> list[str]:
    """What no form asks for, each in a sentence; nothing where the rule is plain."""
    said = []
    if customers := len(rule.customers):
        said.append(f"Dados próprios na nota: {say.counted(customers, 'cliente', 'clientes')}.")
    if _more(rule.service):
        said.append("Outros dados do serviço: definidos (retenções, local, observações e afins).")
    if late := _late(rule):
        said.append(late)
    plain = Rule.model_fields
    others = [
        label
        for name, label in BEYOND.items()
        if getattr(rule, name) != plain[name].get_default(call_default_factory=True)
    ]
    return [*said, *([f"Definido fora desta página: {'; '.join(others)}."] if others else [])]


def _late(rule: Rule) -> str | None:
    """What becomes of a nota whose month is over when it is sent."""
    late = rule.late_competencia
    if late == Rule.model_fields["late_competencia"].get_default(call_default_factory=True):
        return None
    then = "a venda fica pendente" if late.then == "hold" else "a nota tem a data do envio"
    return (
        f"Uma nota do mês anterior mantém a data se sair até o dia {late.keep_until_day}; depois"
        f" disso, {then}."
    )


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


def _more(service: ServiceRule) -> dict[str, Any]:
    found = stated(service)
    return found | ({"ibs_cbs": service.ibs_cbs} if service.ibs_cbs else {})


def _city(code: str) -> str:
    return city_named(code) or code


def _rate(rate: str) -> str:
    return f"{rate.replace('.', ',')}%"
