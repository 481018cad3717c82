"""A rule that says more than the panel's form asks for: changed there, it keeps all of it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import BaseModel

from services.panel.kit.forms import TypedForm
from services.panel.show import rule as rule_show
from services.panel.show import rule_exceptions as exceptions_form
from services.panel.show.rule_beyond import BEYOND, beyond_form, of_cities, of_products
from services.panel.show.rule_cities import (
    with_city,
    without_city,
)
from services.panel.show.rule_services import with_service, without_service
from shared.db.tenants import rules_store
from shared.domain.fields.stated import CityDemands, CustomerFields
from shared.domain.rule import Conditions, Rule, ServiceRule
from tests.services.panel.support import Panel

ACTIVE = "UPDATE tenants SET status = 'active', active_from = now() WHERE tenant_id = $1"
PARTS: Mapping[str, Any] = {
    "iss_withholding": "no",
    "withholdings": {"pis": "0.65", "irrf": "1.50", "waiver": "0.01"},
    "pis_cofins_situation": "01",
    "pis_cofins_withholding": "1",
    "own_pis_cofins": {"pis_rate": "0.65", "cofins_rate": "3.00"},
    "place": {"city": "Campinas", "state": "SP"},
    "export": False,
    "foreign_trade": {"mode": "1"},
    "nature": "1",
    "special_regime": "2",
    "suspension": {"kind": "1", "process": "0001"},
    "final_consumer": True,
    "deductions": "1.00",
    "show_discounts": True,
    "discount_kind": "conditional",
    "observations": "Contrato {fatura}",
    "approximate_taxes": "13.45",
    "rps_series": "A1",
    "rps_number": "sequence",
    "more_emails": ["contas@exemplo.com"],
    "city_text": "Lei 1.234",
    "internal_code": "MENSAL",
    "extras": {"cidadeprestacao": "3550308"},
}


def a_whole_rule() -> Rule:
    """Every field of a rule stated, and none of them as it is by itself."""
    told = {
        "issue_when": "guarantee_ended",
        "guarantee_days": 7,
        "exceptions": [
            {
                "if": {
                    "product_code": ["CURSO"],
                    "product_id": [11],
                    "product_name": ["Curso*"],
                    "plan_code": ["ANUAL"],
                    "plan_id": [12],
                    "plan_name": ["Anual*"],
                    "payment_method_code": ["pix"],
                    "customer_code": ["C-1"],
                    "cycle": "first",
                },
                "issue_when": "guarantee_ended",
                "guarantee_days": 30,
            },
            {"if": {"product_name": ["Oficina*"]}, "issue_when": "never"},
        ],
        "cancel_on_refund": False,
        "refunds": {"partial": "nothing", "city_window": {"until_day": 5}},
        "customer_document_missing": "issue_without",
        "customer_address_incomplete": "default_address",
        "default_address": {
            "street": "Rua Direita",
            "district": "Centro",
            "city": "São Paulo",
            "state": "SP",
            "zip": "01001-000",
        },
        "complete_address_by_cep": True,
        "customer_foreign": "issue",
        "customer_foreign_kind": "J",
        "customer_foreign_without_nif": "1",
        "competencia": "issue_day",
        "late_competencia": {"keep_until_day": 3, "then": "today"},
        "send_email": False,
        "description": "{produtos}\nfatura {fatura}",
        "service": {
            "municipal_code": "010700188",
            "lc116": "1.07",
            "cnae": "6201501",
            "iss_rate": "2.00",
            "nbs": "115022000",
            "national_code": "010701",
            "ibs_cbs": {"class_code": "000001", "operation_code": "030101"},
            **PARTS,
        },
        "services_by_product_id": {"11": {"iss_rate": "3.00"}},
        "services_by_product_code": {"CURSO": {"lc116": "8.02"}},
        "services_by_product_name": {"Curso*": {"lc116": "8.02"}},
        "mixed_services": "hold",
        "customers": {"C-1": {"iss_withholding": "no", "municipal_registration": "123"}},
        "seller_city": {"city": "São Paulo", "state": "SP"},
        "regime": "normal",
        "cities": {
            "3550308": {
                "iss_rate": "required",
                "iss_rate_least": "2.00",
                "iss_rate_most": "5.00",
                "buyer": ["phone", "email"],
            }
        },
        "reissue": "substitute",
    }
    return Rule.model_validate(told)


def as_sent(rule: Rule, **changes: str) -> TypedForm:
    """The form as a browser sends it that changed nothing else."""
    fields = {**rule_show.filled(rule), **changes}
    ticked = {"cancelar": rule.cancel_on_refund, "email": rule.send_email}
    ticked["retido"] = rule.service.iss_withheld
    return TypedForm(
        values={name: (value,) for name, value in fields.items()}
        | {name: ("sim",) for name, on in ticked.items() if on}
    )


def plain(part: BaseModel) -> set[str]:
    """The fields of a part that are as they are by themselves."""
    fields = type(part).model_fields
    return {
        name
        for name, of in fields.items()
        if not of.is_required() and getattr(part, name) == of.get_default(call_default_factory=True)
    }


def test_the_rule_of_these_tests_states_every_field_there_is() -> None:
    rule = a_whole_rule()

    assert plain(rule) == set()
    # Of each pair only one may be stated.
    assert plain(rule.service) <= {"iss_withheld", "deduction_rate", "immunity"}
    assert plain(rule.exceptions[0].if_) == set()
    assert plain(rule.cities["3550308"]) == set()


CHANGED: Mapping[str, str] = {
    "the form": "description",
    "a city more": "cities",
    "a city gone": "cities",
    "a product's service": "services_by_product_code",
    "a product's service gone": "services_by_product_code",
}


def of_a_product(**typed: str) -> TypedForm:
    """The form about one product's service, as a browser sends it."""
    fields = {"p_por": "code", "p_produto": "CURSO", "p_lc116": "8.02", **typed}
    return TypedForm(
        values={"mudar": ("servico",), **{name: (value,) for name, value in fields.items()}}
    )


def of_a_city(**typed: str) -> TypedForm:
    """The form about one city, as a browser sends it."""
    fields = {"c_cidade": "São Paulo", "c_estado": "SP", "c_aliquota": "required", **typed}
    values = {name: tuple(value.split("|")) for name, value in fields.items()}
    return TypedForm(values={"mudar": ("cidade",), **values})


CHANGES: Mapping[str, Callable[[Rule], Any]] = {
    "the form": lambda rule: rule_show.with_fields(rule, as_sent(rule, descricao="Outra")),
    "an exception more": lambda rule: exceptions_form.with_exception(
        rule, TypedForm(values={"x_product_code": ("LIVRO",), "x_quando": ("never",)})
    ),
    "an exception's days": lambda rule: exceptions_form.with_days(rule, 0, "15"),
    "an exception moved": lambda rule: exceptions_form.moved(rule, 0, "descer"),
    "an exception gone": lambda rule: exceptions_form.moved(rule, 1, "tirar"),
    "a city more": lambda rule: with_city(rule, of_a_city(c_cidade="Campinas")),
    "a product's service": lambda rule: with_service(
        rule, of_a_product(p_antes="code:CURSO", p_aliquota="3,5%")
    ),
    "a product's service gone": lambda rule: without_service(rule, "code:CURSO"),
    "a city gone": lambda rule: without_city(rule, "3550308"),
    "another order": lambda rule: exceptions_form.reordered(rule, ["1", "0"]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_the_panel_keeps_what_no_form_shows(change: str) -> None:
    rule = a_whole_rule()

    read = rule_show.read(CHANGES[change](rule))

    assert isinstance(read, Rule), read
    changed = CHANGED.get(change, "exceptions")
    assert read != rule
    assert read.model_dump(exclude={changed}) == rule.model_dump(exclude={changed})
    carried = rule_show.stored(rule_show.carried(read))
    assert carried == read


def test_the_form_as_it_stands_gives_the_very_same_rule() -> None:
    rule = a_whole_rule()

    assert rule_show.read(rule_show.with_fields(rule, as_sent(rule))) == rule


def test_what_no_form_shows_is_told_and_a_plain_rule_has_none() -> None:
    told = beyond_form(a_whole_rule())

    assert of_cities(a_whole_rule())[0] == (
        "A cidade de SAO PAULO/SP exige: a alíquota do ISS na nota; alíquota de 2,00% ou mais;"
        " alíquota de 5,00% ou menos; do cliente, telefone, e-mail."
    )
    assert of_products(a_whole_rule()) == [
        "Serviço do produto número 11 na Vindi: ISS 3,00%.",
        "Serviço do produto CURSO: item da lista 8.02.",
        "Serviço do produto chamado Curso*: item da lista 8.02.",
    ]
    assert "Dados próprios na nota: 1 cliente." in told
    assert any("mantém a data se sair até o dia" in said for said in told)
    assert all(label in told[-1] for label in BEYOND.values())
    assert beyond_form(rule_show.NEW) == []


def test_every_field_of_a_rule_is_asked_for_or_told() -> None:
    asked = set(rule_show.FIELDS) | {"cancel_on_refund", "send_email", "exceptions", "service"}
    asked |= {"customer_document_missing", "customer_address_incomplete"}
    told = set(BEYOND) | {"cities", "customers", "late_competencia"}
    told |= {name for name in Rule.model_fields if name.startswith("services_by_")}

    assert set(Rule.model_fields) <= asked | told
    assert set(CityDemands.model_fields) == {
        "iss_rate",
        "iss_rate_least",
        "iss_rate_most",
        "buyer",
    }
    assert set(ServiceRule.model_fields) & set(CustomerFields.model_fields)


def test_an_exception_is_told_with_every_condition_it_has() -> None:
    first, second = a_whole_rule().exceptions

    said = exceptions_form.exception(first.if_, first.issue_when, first.guarantee_days)

    for name in Conditions.model_fields:
        if name != "cycle":
            assert str(getattr(first.if_, name)[0]) in said, name
    assert exceptions_form.exception(second.if_, second.issue_when, None) == (
        "Se o nome do produto é Oficina*, não emitir."
    )


async def test_the_page_shows_and_keeps_what_cities_demand(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.pool.acquire() as conn:
        await conn.execute(ACTIVE, tenant)
        await rules_store.add(conn, tenant, a_whole_rule(), by="operator")
    path = f"/e/{tenant}/regra"
    async with panel.person(tenant) as ana:
        page = await ana.get(path)
        sent = as_sent(a_whole_rule(), descricao="Outra descrição")
        typed = {name: values[-1] for name, values in sent.values.items()}
        foreseen = await ana.send(page, path, mudar="campos", **typed)
        put = await ana.send(foreseen, f"{path}/vigor")
    async with panel.pool.acquire() as conn:
        newest = await rules_store.newest(conn, tenant)

    assert "SAO PAULO/SP : a alíquota do ISS na nota" in page.text
    assert "Descrição: Outra descrição" in foreseen.text
    assert "Regra salva" in put.text
    assert newest is not None
    assert newest.version == 2
    assert newest.rule.cities == a_whole_rule().cities
    assert newest.rule == a_whole_rule().model_copy(update={"description": "Outra descrição"})
