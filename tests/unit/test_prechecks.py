"""A nota that would surely be refused is known before it is sent."""

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from shared.domain.cep import state_of_cep
from shared.domain.money import Cents
from shared.domain.nota import BuyerAbroad, NotaDraft, PlaceOfService, Service, Tomador, Withheld
from shared.domain.prechecks import precheck
from shared.domain.sale import Seller
from tests.builders import an_address

CNPJ = "11222333000181"
MISPLACED = ("denied_address", "CEP do cliente")
SELLER = Seller(cnpj="11444777000161")


def a_draft(*, service: dict[str, Any] | None = None, buyer: dict[str, Any] | None = None,
            **changes: Any) -> NotaDraft:  # fmt: skip
    tomador = Tomador(
        name="Padaria Fictícia Ltda", email=None, document=CNPJ, phone=None, address=an_address()
    )
    draft = NotaDraft(
        amount=Cents(10_000),
        competencia=date(2026, 11, 10),
        description="Plano Exemplo - fatura 4711",
        tomador=replace(tomador, **(buyer or {})),
        service=Service(**(service or {})),
        send_email=False,
    )
    return replace(draft, **changes)


def held_with(draft: NotaDraft, seller: Seller | None = SELLER) -> tuple[str, str] | None:
    """The word, and the field to mend."""
    found = precheck(draft, seller)
    return None if found is None else (found.code, found.detail.partition(":")[0])


@pytest.mark.parametrize(
    ("draft", "held"),
    [
        (a_draft(), None),
        (a_draft(buyer={"document": SELLER.cnpj}), ("denied_document", "CNPJ do cliente")),
        (a_draft(buyer={"document": "11444777000242"}), None),
        (a_draft(service={"iss_withheld": True}), None),
        (
            a_draft(service={"iss_withheld": True}, buyer={"document": None}),
            ("denied_document", "CNPJ do cliente"),
        ),
        (
            a_draft(service={"iss_withheld": True}, buyer={"document": "12345678909"}),
            ("denied_service", "retenção do ISS"),
        ),
        (
            a_draft(service={"iss_withheld": True}, buyer={"address": None}),
            ("denied_address", "endereço do cliente"),
        ),
        (
            a_draft(service={"iss_withheld": True, "export": True}),
            ("denied_service", "retenção do ISS"),
        ),
        (
            a_draft(service={"iss_withheld": True, "immunity": "1"}),
            ("denied_service", "retenção do ISS"),
        ),
        (
            a_draft(service={"iss_withheld": True, "special_regime": "6"}),
            ("denied_service", "retenção do ISS"),
        ),
        (a_draft(buyer={"document": "12345678909"}), None),
        (a_draft(buyer={"document": None, "address": None}), None),
        (a_draft(buyer={"address": an_address(zip="20040002")}), MISPLACED),
        (a_draft(buyer={"address": an_address(zip="00000000")}), MISPLACED),
        (a_draft(buyer={"address": an_address(state="EX", zip=None, country="Portugal")}), None),
        (
            a_draft(buyer={"foreign": BuyerAbroad(), "address": an_address(zip=None)}),
            None,
        ),
        (a_draft(discount=Cents(5_000)), None),
        (a_draft(amount=Cents(0), discount=Cents(5_000)), ("denied_service", "desconto")),
        (a_draft(deductions=Cents(10_001)), ("denied_service", "retenções")),
        (a_draft(withheld=Withheld(irrf=Cents(10_001))), ("denied_service", "retenções")),
        (a_draft(withheld=Withheld(irrf=Cents(150), pis=Cents(65))), None),
    ],
)  # fmt: skip
def test_what_would_be_refused_is_held_with_the_refusals_word(
    draft: NotaDraft, held: tuple[str, str] | None
) -> None:
    assert held_with(draft) == held


SAO_PAULO, CAMPINAS, RIO = "3550308", "3509502", "3304557"
IN_RIO = {"address": an_address(city="Rio de Janeiro", state="RJ", zip="20040002", city_code=RIO)}
HERE = {"address": an_address(city_code=SAO_PAULO)}


@pytest.mark.parametrize(
    ("service", "buyer", "city", "code"),
    [
        # Due where the seller is: a buyer of that city may withhold, no other one.
        ({"lc116": "1.07"}, HERE, SAO_PAULO, None),
        ({"lc116": "1.07"}, IN_RIO, SAO_PAULO, "E0031"),
        ({"national_code": "010701"}, IN_RIO, SAO_PAULO, "E0031"),
        ({"lc116": "17.01", "place": PlaceOfService(state="RJ", city=RIO)}, IN_RIO, SAO_PAULO,
         "E0031"),
        # Due where it is rendered.
        ({"lc116": "7.02", "place": PlaceOfService(state="RJ", city=RIO)}, IN_RIO, SAO_PAULO, None),
        ({"lc116": "7.02", "place": PlaceOfService(state="SP", city=CAMPINAS)}, HERE, SAO_PAULO,
         "E0031"),
        ({"lc116": "16.01", "place": PlaceOfService(state="RJ", city=RIO)}, IN_RIO, None, None),
        ({"lc116": "12.13", "place": PlaceOfService(state="RJ", city=RIO)}, IN_RIO, SAO_PAULO,
         "E0031"),
        # Due where the buyer is.
        ({"lc116": "17.05"}, IN_RIO, SAO_PAULO, None),
        # What nobody told speaks against nothing.
        ({"lc116": "1.07"}, IN_RIO, None, None),
        ({"lc116": "7.02"}, IN_RIO, SAO_PAULO, None),
        ({"municipal_code": "03115"}, IN_RIO, SAO_PAULO, None),
        ({"lc116": "1.07"}, {"address": an_address(city="Lugar Nenhum")}, SAO_PAULO, None),
    ],
)  # fmt: skip
def test_a_buyer_of_another_city_than_that_of_the_tax_keeps_no_iss_back(
    service: dict[str, Any], buyer: dict[str, Any], city: str | None, code: str | None
) -> None:
    draft = a_draft(service={"iss_withheld": True, **service}, buyer=buyer)
    found = precheck(draft, Seller(cnpj=None, city=city))
    assert (found and found.code) == (code and "denied_service")
    assert code is None or (found is not None and found.detail.endswith(f"[{code}]"))
    bare = replace(draft, service=replace(draft.service, iss_withheld=False))
    assert precheck(bare, Seller(cnpj=None, city=city)) is None


def test_without_the_sellers_number_nobody_can_tell() -> None:
    assert held_with(a_draft(buyer={"document": SELLER.cnpj}), seller=None) is None


def test_no_data_of_the_buyer_stands_in_what_is_shown() -> None:
    draft = a_draft(buyer={"document": SELLER.cnpj, "address": an_address(zip="20040002")})

    for seller in (SELLER, None):
        found = precheck(draft, seller)
        assert found is not None
        assert not {SELLER.cnpj, "20040002"} & set(found.detail.split())


@pytest.mark.parametrize(
    ("cep", "state"),
    [
        ("01001000", "SP"), ("19999999", "SP"), ("20000000", "RJ"), ("28999999", "RJ"),
        ("29000000", "ES"), ("30130010", "MG"), ("40020000", "BA"), ("49010000", "SE"),
        ("50030000", "PE"), ("57020000", "AL"), ("58010000", "PB"), ("59010000", "RN"),
        ("60010000", "CE"), ("64000000", "PI"), ("65010000", "MA"), ("66010000", "PA"),
        ("68900000", "AP"), ("69005000", "AM"), ("69301000", "RR"), ("69900000", "AC"),
        ("70040000", "DF"), ("72800000", "GO"), ("73000000", "DF"), ("74010000", "GO"),
        ("76801000", "RO"), ("77001000", "TO"), ("78005000", "MT"), ("79002000", "MS"),
        ("80010000", "PR"), ("88010000", "SC"), ("90010000", "RS"), ("99999999", "RS"),
    ],
)  # fmt: skip
def test_an_address_in_each_state_passes_with_a_cep_of_that_state(cep: str, state: str) -> None:
    assert state_of_cep(cep) == state
    assert held_with(a_draft(buyer={"address": an_address(state=state, zip=cep)})) is None
