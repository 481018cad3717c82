"""Which service values a rule may have: refused, warned of, or taken, against the tables."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.rule import STORED, Rule
from shared.domain.service_checks import service_warnings
from tests.builders import a_rule

TODAY = date(2026, 11, 29)
NBS = "115021000"
REFORM = {"class_code": "000001", "operation_code": "100301"}
OFFICE = {
    "street": "Rua da Empresa",
    "district": "Centro",
    "city": "São Paulo",
    "state": "SP",
    "zip": "01001-000",
}


def refused(**rule: Any) -> dict[str, str]:
    """What is wrong where; the message of each field."""
    with pytest.raises(ValidationError) as caught:
        a_rule(**rule)
    return {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.errors()}


def warned(**service: Any) -> list[tuple[str, str]]:
    return [(one.code, one.field) for one in service_warnings(a_rule(service=service), TODAY)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("lc116", text) for text in ("1.07", "01.07", "0107", "107", "17.19", "1719", "40.01")),
        *(("iss_rate", text) for text in ("2", "2.0", "2.00", "2.01", "3.5", "5", "5.00")),
        *(
            ("municipal_code", text)
            for text in ("010700188", "1.07", "01.07/00-1", "7A", "620 1", "…")
        ),
        *(("cnae", text) for text in ("6209100", "6209-1/00", "62.09-1-00")),
        ("nbs", NBS),
        ("nbs", "1.1502.10.00"),
        ("national_code", "010701"),
        ("national_code", "01.07.01"),
    ],
)
def test_what_an_accountant_writes_is_taken_without_a_question(name: str, value: str) -> None:
    assert warned(**{name: value}) == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *(("lc116", bad, "subitem") for bad in ("xx", "1.7", "7", "1,07", "1.07.01", "41.01")),
        *(("lc116", bad, "subitem") for bad in ("1.99", "0.01", "1.070", " 1.07", "٠١.٠٧")),
        *(("lc116", bad, "em branco") for bad in ("", "   ")),
        *(("iss_rate", bad, "porcentagem") for bad in ("", "2,00", "2%", "-2", "100.01", "1e1")),
        *(("iss_rate", bad, "porcentagem") for bad in ("NaN", "Infinity", " 2", "٢", "dois")),
        ("iss_rate", "2.005", "2 casas decimais"),
        *(("nbs", bad, "9 algarismos") for bad in ("abc", "11502", "1150210000", "11502100X")),
        *(("nbs", bad, "não existe") for bad in ("123456789", "1.9999.99.00")),
        *(("national_code", bad, "vai em lc116") for bad in ("1.07", "01.07", "0107")),
        *(("national_code", bad, "6 algarismos") for bad in ("10701", "0107011", "xx", "01070A")),
        *(("national_code", bad, "não existe") for bad in ("010799", "410101", "000000")),
        *(("cnae", bad, "7 algarismos") for bad in ("6209", "software", "62091000")),
        *(("municipal_code", bad, "espaço") for bad in (" 0107", "0107 ", "01\u200707")),
        *((name, " ", "em branco") for name in ("municipal_code", "cnae", "nbs", "national_code")),
    ],
)  # fmt: skip
def test_what_no_nota_could_carry_is_refused_with_its_field(
    name: str, value: str, said: str
) -> None:
    found = refused(service={name: value})

    assert list(found) == [f"service.{name}"]
    assert found[f"service.{name}"].removeprefix("Value error, ").startswith(f"{name}: ")
    assert said in found[f"service.{name}"]


def test_a_code_longer_than_a_city_has_is_refused() -> None:
    assert list(refused(service={"municipal_code": "1" * 21})) == ["service.municipal_code"]


@pytest.mark.parametrize("reform", [REFORM, {"class_code": "000001"}, {"operation_code": "100301"}])
def test_a_class_of_ibs_and_cbs_needs_its_nbs(reform: dict[str, str]) -> None:
    assert list(refused(service={"lc116": "1.07", "ibs_cbs": reform})) == ["service.nbs"]
    assert a_rule(service={"nbs": NBS, "ibs_cbs": reform}).service.nbs == NBS


@pytest.mark.parametrize(
    ("reform", "field"),
    [
        ({**REFORM, "class_code": "999999"}, "class_code"),
        ({**REFORM, "class_code": "1"}, "class_code"),
        ({**REFORM, "operation_code": "1003010"}, "operation_code"),
        ({**REFORM, "operation_code": ""}, "operation_code"),
    ],
)
def test_a_class_that_no_table_has_is_refused(reform: dict[str, str], field: str) -> None:
    found = refused(service={"nbs": NBS, "ibs_cbs": reform})

    assert list(found) == [f"service.ibs_cbs.{field}"]


@pytest.mark.parametrize(
    ("service", "code", "field"),
    [
        ({"iss_rate": "0.02"}, "iss_rate_fraction", "iss_rate"),
        ({"iss_rate": "0.05"}, "iss_rate_fraction", "iss_rate"),
        ({"iss_rate": "0"}, "iss_rate_low", "iss_rate"),
        ({"iss_rate": "0.50"}, "iss_rate_low", "iss_rate"),
        ({"iss_rate": "1.99"}, "iss_rate_low", "iss_rate"),
        ({"iss_rate": "5.01"}, "iss_rate_high", "iss_rate"),
        ({"iss_rate": "20.00"}, "iss_rate_high", "iss_rate"),
        ({"lc116": "99.01"}, "lc116_unlisted", "lc116"),
        ({"national_code": "990401"}, "national_code_unlisted", "national_code"),
        (
            {"national_code": "080201", "lc116": "1.07"},
            "national_code_of_other_item",
            "national_code",
        ),
        (
            {"nbs": NBS, "ibs_cbs": {**REFORM, "operation_code": "999999"}},
            "operation_code_unlisted",
            "ibs_cbs.operation_code",
        ),
        (
            {"nbs": NBS, "ibs_cbs": {"class_code": "000001"}},
            "ibs_cbs_incomplete",
            "ibs_cbs.operation_code",
        ),
        (
            {"nbs": NBS, "ibs_cbs": {**REFORM, "class_code": "000002"}},
            "class_code_not_on_notas",
            "ibs_cbs.class_code",
        ),
    ],
)
def test_what_is_unusual_is_warned_of_with_its_field(
    service: dict[str, Any], code: str, field: str
) -> None:
    assert warned(**service) == [(code, f"service.{field}")]


def test_a_class_that_is_no_longer_in_force_is_warned_of() -> None:
    found = warned(nbs=NBS, ibs_cbs={**REFORM, "class_code": "220001"})

    assert ("class_code_out_of_force", "service.ibs_cbs.class_code") in found


def test_a_fraction_is_told_with_the_percentage_it_may_stand_for() -> None:
    (found,) = service_warnings(a_rule(service={"iss_rate": "0.02"}), TODAY)

    assert "informe 2.00" in found.message


def test_a_products_own_service_is_looked_at_as_strictly() -> None:
    own = {"CURSO": {"lc116": "xx", "iss_rate": "5.00"}, "LIVRO": {"nbs": "abc"}}

    assert list(refused(services_by_product_code=own)) == [
        "services_by_product_code.CURSO.lc116",
        "services_by_product_code.LIVRO.nbs",
    ]
    rule = a_rule(services_by_product_code={"CURSO": {"iss_rate": "0.02"}})
    assert [one.field for one in service_warnings(rule, TODAY)] == [
        "services_by_product_code.CURSO.iss_rate"
    ]


@pytest.mark.parametrize("code", ["", " ", " CURSO", "CURSO ", "CUR\x0bSO", "CUR\nSO"])
def test_a_product_code_that_no_product_has_is_refused(code: str) -> None:
    assert list(refused(services_by_product_code={code: {}})) == ["services_by_product_code"]


@pytest.mark.parametrize(
    ("nbs", "national"), [("1.1502.10.00", "01.07.01"), ("115021000", "010701")]
)
def test_codes_are_kept_without_their_mask_for_that_is_how_they_are_sent(
    nbs: str, national: str
) -> None:
    service = a_rule(service={"nbs": nbs, "national_code": national, "cnae": "6209-1/00"}).service

    assert (service.nbs, service.national_code, service.cnae) == ("115021000", "010701", "6209100")


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"description": "{produtos}\x0b"}, "description"),
        ({"description": "{produtos}\r"}, "description"),
        ({"description": "{produtos}\u2028"}, "description"),
        ({"description": "{produtos}\ufeff"}, "description"),
        ({"description": "   "}, "description"),
        ({"exceptions": [{"if": {"product_code": ["A\x1f"]}, "issue_when": "never"}]},
         "exceptions.0.if.product_code.0"),
        ({"exceptions": [{"if": {"plan_code": [" "]}, "issue_when": "never"}]},
         "exceptions.0.if.plan_code"),
        ({"default_address": {**OFFICE, "street": "Rua\x0bA"}}, "default_address.street"),
        ({"default_address": {**OFFICE, "street": "Rua\nA"}}, "default_address.street"),
        ({"default_address": {**OFFICE, "district": "  "}}, "default_address.district"),
        ({"default_address": {**OFFICE, "complement": " "}}, "default_address.complement"),
        ({"default_address": {**OFFICE, "zip": "20040-002"}}, "default_address.zip"),
        ({"default_address": {**OFFICE, "zip": "00000-000"}}, "default_address.zip"),
    ],
)  # fmt: skip
def test_a_text_that_nothing_can_carry_is_refused_with_its_field(
    rule: dict[str, Any], field: str
) -> None:
    assert list(refused(**rule)) == [field]


def test_a_template_may_have_lines_for_the_tenant_wrote_them() -> None:
    assert a_rule(description="{produtos}\nfatura {fatura}").description.count("\n") == 1


def test_a_rule_in_force_is_read_again_whatever_is_refused_by_now() -> None:
    told = {
        "issue_when": "bill_paid",
        "description": "{produtos}\x0b",
        "service": {
            "lc116": "xx", "nbs": "abc", "iss_rate": "2.005", "national_code": "1.07",
            "ibs_cbs": REFORM, "municipal_code": " ",
        },
    }  # fmt: skip

    rule = Rule.model_validate(told, context=STORED)

    assert (rule.service.lc116, rule.service.nbs) == ("xx", "abc")
