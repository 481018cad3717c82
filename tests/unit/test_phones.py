"""Telephones of a customer, as a nota takes them."""

import random

import phonenumbers
import pytest

from shared.domain.phones import phone_among, phone_for_nota


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("5521977776666", "21977776666"),
        ("21977776666", "21977776666"),
        ("+55 (21) 97777-6666", "21977776666"),
        ("tel:+55-21-97777-6666", "21977776666"),
        ("552126543210", "2126543210"),
        ("02126543210", "2126543210"),  # a trunk zero
        ("0xx21 2654-3210", "2126543210"),
        ("0 15 21 2654 3210", "2126543210"),  # an operator
        ("005521977776666", "21977776666"),
        ("55021977776666", "21977776666"),
        ("555521977776666", "21977776666"),  # the country twice
        ("5555999887766", "55999887766"),  # area 55
        ("55999887766", "55999887766"),
        ("555532221100", "5532221100"),
        ("2126543210 ramal 22", "2126543210"),
        ("(21) 2654-3210 R. 5", "2126543210"),
        ("2126543210 x7", "2126543210"),
        ("21 97777-6666 - recado 21 96666-5555", "21977776666"),
        ("recados com Bia 21 97777-6666 ela", "21977776666"),
        ("21977776666 (Bia)", "21977776666"),
        ("2126543210 / 21977776666", "2126543210"),
        ("1234; 21977776666", "21977776666"),
        ("２１９７７７７６６６６", "21977776666"),
        ("\u202a21 97777-6666\u202c", "21977776666"),
    ],
)
def test_a_brazilian_number_goes_out_as_its_area_and_itself(typed: str, sent: str) -> None:
    assert phone_for_nota(typed) == sent
    assert phone_for_nota(sent) == sent


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        "não tem",
        "977776666",  # no area
        "26543210",
        "2188887777",  # a mobile of eight digits, as there is none any more
        "552188887777",
        "13105550123",  # of the US
        "+1 310 555 0123",
        "0013105550123",
        "351961234567",  # of Portugal
        "+351 961 234 567",
        "+4155550123",
        "00000000000",
        "11111111111",
        "2097777666",  # no such area
        "08001234567",
        "40041234",
        "219777766661",
        "9" * 2000,
    ],
)
def test_what_is_no_whole_brazilian_number_is_left_out(typed: str | None) -> None:
    assert phone_for_nota(typed) is None


def test_the_first_good_one_of_several_is_sent() -> None:
    assert phone_among(["552", "+1 310 555 0123", "5521977776666", "552126543210"]) == "21977776666"
    assert phone_among(["552", ""]) is None
    assert phone_among([]) is None


def test_nothing_is_sent_that_the_numbering_plan_does_not_have() -> None:
    chosen = random.Random(8)
    for _ in range(5_000):
        digits = "".join(chosen.choices("0123456789", k=chosen.randint(8, 15)))
        sent = phone_for_nota(digits)
        if sent is not None:
            number = phonenumbers.PhoneNumber(country_code=55, national_number=int(sent))
            assert phonenumbers.is_valid_number(number)
            assert digits.endswith(sent)
