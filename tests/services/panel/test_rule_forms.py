"""What cities demand and products' own services: read from their forms, kept whole, told."""

from collections.abc import Mapping
from typing import Any, get_args

import pytest

from services.panel.kit.forms import TypedForm
from services.panel.show import rule as rule_show
from services.panel.show.rule_beyond import PRODUCTS
from services.panel.show.rule_cities import CITY_FIELDS, buyer_choices, cities_shown, with_city
from services.panel.show.rule_services import services_shown, with_service
from shared.db.tenants import rules_store
from shared.domain.fields.stated import CityDemands, OfBuyer
from shared.domain.rule import Rule
from tests.services.panel.support import Panel
from tests.services.panel.test_rule_kept import ACTIVE, a_whole_rule, of_a_city, of_a_product


def test_a_city_is_named_as_people_write_it_and_what_it_demands_is_replaced() -> None:
    rule = a_whole_rule()
    typed = of_a_city(
        c_cidade="sao paulo", c_menor=" 2,5 % ", c_comprador="phone|document", c_antes="3550308"
    )

    read = rule_show.read(told(with_city(rule, typed)))

    assert isinstance(read, Rule)
    assert read.cities == {
        "3550308": CityDemands(
            iss_rate="required", iss_rate_least="2.5", buyer=("phone", "document")
        )
    }
    assert [one.name for one in cities_shown(read)] == ["SAO PAULO/SP"]
    assert cities_shown(read)[0].fields["menor"] == "2,5"


def test_a_city_that_is_renamed_is_not_left_behind() -> None:
    typed = of_a_city(c_cidade="Campinas", c_antes="3550308")

    read = rule_show.read(told(with_city(a_whole_rule(), typed)))

    assert isinstance(read, Rule)
    assert [*read.cities] == ["3509502"]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"c_cidade": "Nárnia"}, "c_cidade"),
        ({"c_cidade": "Campinas", "c_estado": "RJ"}, "c_cidade"),
        ({"c_aliquota": ""}, "c_aliquota"),
        ({"c_aliquota": "talvez"}, "c_aliquota"),
        ({"c_menor": "dois"}, "c_menor"),
        ({"c_menor": "5", "c_maior": "2"}, "c_menor"),
        ({"c_aliquota": "forbidden", "c_menor": "2"}, "c_aliquota"),
        ({"c_comprador": "passaporte"}, "c_comprador"),
    ],
)
def test_what_is_wrong_with_a_city_is_said_at_its_field(typed: dict[str, str], field: str) -> None:
    found = with_city(a_whole_rule(), of_a_city(**typed))

    wrong = found.errors if isinstance(found, TypedForm) else rule_show.read(found)

    assert isinstance(wrong, Mapping)
    assert [*wrong] == [field]
    assert "_" not in wrong[field]  # no code of ours


def test_everything_that_a_city_may_demand_can_be_chosen() -> None:
    assert set(CityDemands.model_fields) == set(CITY_FIELDS)
    words = {word for word, _ in buyer_choices()}
    assert words == set(get_args(OfBuyer))


def test_a_products_service_keeps_what_its_form_does_not_show() -> None:
    whole = a_whole_rule().model_dump(mode="json", by_alias=True)
    whole["services_by_product_code"]["CURSO"]["observations"] = "Contrato {fatura}"
    rule = Rule.model_validate(whole)
    typed = of_a_product(p_antes="code:CURSO", p_aliquota="2,50", p_retido="sim")

    read = rule_show.read(told(with_service(rule, typed)))

    assert isinstance(read, Rule)
    service = read.services_by_product_code["CURSO"]
    assert (service.iss_rate, service.iss_withheld) == ("2.50", True)
    assert service.observations == "Contrato {fatura}"


def test_a_product_that_is_known_by_another_word_is_not_left_behind() -> None:
    typed = of_a_product(p_antes="code:CURSO", p_por="name", p_produto="Curso de*")

    read = rule_show.read(told(with_service(a_whole_rule(), typed)))

    assert isinstance(read, Rule)
    assert not read.services_by_product_code
    assert [*read.services_by_product_name] == ["Curso*", "Curso de*"]
    assert [one.mark for one in services_shown(read)] == [
        "id:11",
        "name:Curso*",
        "name:Curso de*",
    ]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"p_produto": ""}, "p_produto"),
        ({"p_por": "preço"}, "p_produto"),
        ({"p_por": "id", "p_produto": "CURSO"}, "p_produto"),
        ({"p_aliquota": "dois"}, "p_aliquota"),
        ({"p_aliquota": "200"}, "p_aliquota"),
        ({"p_nbs": "12"}, "p_nbs"),
        ({"p_municipal": "1" * 21}, "p_municipal"),
    ],
)
def test_what_is_wrong_with_a_products_service_is_said_at_its_field(
    typed: dict[str, str], field: str
) -> None:
    found = with_service(a_whole_rule(), of_a_product(**typed))

    wrong = found.errors if isinstance(found, TypedForm) else rule_show.read(found)

    assert isinstance(wrong, Mapping)
    assert [*wrong] == [field]
    assert "_" not in wrong[field]


def test_each_way_of_knowing_a_product_is_one_of_the_rules() -> None:
    assert set(PRODUCTS.values()) == {
        name for name in Rule.model_fields if name.startswith("services_by_")
    }


def told(found: Mapping[str, Any] | TypedForm) -> Mapping[str, Any]:
    assert not isinstance(found, TypedForm), found.errors
    return found


async def test_cities_and_services_are_changed_where_they_are_shown(panel: Panel) -> None:
    tenant = await panel.tenant()
    async with panel.pool.acquire() as conn:
        await conn.execute(ACTIVE, tenant)
        await rules_store.add(conn, tenant, a_whole_rule(), by="operator")
    path = f"/e/{tenant}/regra"
    city = {"c_cidade": "SAO PAULO", "c_estado": "SP", "c_aliquota": "required"}
    course = {"p_por": "code", "p_produto": "CURSO", "p_lc116": "17.01", "p_antes": "code:CURSO"}
    async with panel.person(tenant) as ana:
        page = await ana.get(f"{path}?cidade=3550308")
        wrong = await ana.send(page, path, mudar="cidade", **city, c_menor="9", c_maior="2")
        gone = await ana.send(page, path, mudar="tirar_cidade", c_codigo="3550308")
        service = await ana.get(f"{path}?servico=name%3ACurso*")
        foreseen = await ana.send(service, path, mudar="servico", **course)
        await ana.send(foreseen, f"{path}/vigor", confirmo="rate_unusual")
    async with panel.pool.acquire() as conn:
        newest = await rules_store.newest(conn, tenant)

    assert 'value="SAO PAULO"' in page.html
    assert "A menor alíquota não pode ser maior que a maior." in wrong.text
    assert "Não vale mais: A cidade de SAO PAULO/SP exige" in gone.text
    assert 'value="Curso*"' in service.html
    assert "Serviço do produto CURSO: item da lista 17.01." in foreseen.text
    assert newest is not None
    assert newest.rule.services_by_product_code["CURSO"].lc116 == "17.01"
    assert newest.rule.cities == a_whole_rule().cities
