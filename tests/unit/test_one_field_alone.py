"""A nota that says its amount alone is told apart quickly; any other field alone is still said."""

from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.fields.arithmetic import arithmetic
from shared.domain.money import Cents
from shared.domain.nota import BuyerAbroad, PlaceOfService, Service, Suspension
from shared.issuer.enotas.more_fields import more_of_nota
from tests.unit.fiscal import PLAIN, a_fiscal_sale, drafted

OF_NOTA: dict[str, tuple[Any, str]] = {
    "discount": (Cents(100), "descontos"),
    "conditional_discount": (Cents(100), "descontoCondicionado"),
    "deductions": (Cents(100), "deducoes"),
    "nature": ("1", "naturezaOperacao"),
    "observations": ("Pedido 7", "observacoes"),
    "rps_series": ("A", "serieRps"),
    "final_consumer": (True, "consumidorFinal"),
    "more_emails": (("b@example.com",), "dadosAdicionaisEmail"),
    "extras": ({"obra": "7"}, "metadados"),
}
OF_SERVICE: dict[str, Any] = {
    "city_text": "Manutenção",
    "internal_code": "7",
    "place": PlaceOfService(state="SP", city="3550308"),
    "export": True,
    "special_regime": "1",
    "immunity": "1",
    "suspension": Suspension(kind="1", process="0001"),
    "pis_cofins_situation": "01",
    "pis_cofins_withholding": "1",
}


def test_a_plain_nota_says_nothing_more() -> None:
    draft = drafted(a_fiscal_sale(), service=PLAIN)

    assert arithmetic(draft) == ""
    assert more_of_nota(draft, mailed=True) == {}


@pytest.mark.parametrize("field", OF_NOTA)
def test_one_field_of_a_nota_is_said_and_sent(field: str) -> None:
    value, name = OF_NOTA[field]
    draft = replace(drafted(a_fiscal_sale(), service=PLAIN), **{field: value})

    assert arithmetic(draft) != ""
    assert list(more_of_nota(draft, mailed=True)) == [name]


@pytest.mark.parametrize("field", OF_SERVICE)
def test_one_field_of_a_service_is_said(field: str) -> None:
    plain = drafted(a_fiscal_sale(), service=PLAIN)
    draft = replace(plain, service=replace(plain.service, **{field: OF_SERVICE[field]}))

    assert arithmetic(draft) != ""


def test_what_says_no_is_sent_and_not_told() -> None:
    draft = replace(drafted(a_fiscal_sale(), service=PLAIN), final_consumer=False, rps_number=7)

    assert arithmetic(draft) == ""
    assert more_of_nota(draft, mailed=True) == {"consumidorFinal": False, "numeroRps": 7}


def test_a_buyer_abroad_is_sent_and_its_registration_told() -> None:
    draft = drafted(a_fiscal_sale(), service=PLAIN)
    abroad = replace(draft, tomador=replace(draft.tomador, foreign=BuyerAbroad(tax_number="9")))
    known = replace(draft, tomador=replace(draft.tomador, municipal_registration="12"))

    assert more_of_nota(abroad, mailed=True) == {"metadados": {"nif": "9"}}
    assert arithmetic(known) == "com a inscrição municipal do tomador"


def test_every_field_of_a_service_is_one_of_the_codes_or_is_tried_here() -> None:
    """A new one has to be thought of where a nota's line of the timeline is cut short."""
    codes = {"municipal_code", "lc116", "cnae", "iss_rate", "iss_withheld", "nbs", "national_code"}
    taxed = {"ibs_cbs_class", "ibs_cbs_operation", "own_pis_cofins"}

    assert set(Service.__struct_fields__) == codes | taxed | set(OF_SERVICE)
