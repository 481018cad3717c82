"""An address on a form: what does not fit in one field goes to the complement, or is told."""

import pytest

from shared.domain.bill import Address
from shared.domain.text.address import fit_address
from shared.issuer.enotas.form import FORM

TO_COMPLEMENT = "o que não cabe no número foi para o complemento"
OF_STREET = "o fim do logradouro foi para o complemento"


def fitted(**parts: str | None) -> tuple[tuple[str | None, ...], list[str]]:
    told: list[str] = []
    address = fit_address(Address(**parts), FORM, told)
    again: list[str] = []
    assert fit_address(address, FORM, again) is address
    assert again == []
    return (address.street, address.number, address.complement), told


@pytest.mark.parametrize(
    ("number", "own", "sent"),
    [
        ("1.480 Torre C apto 51", None, ("1.480", "Torre C apto 51")),
        ("nº 1480, sala 33", None, ("1480", "sala 33")),
        ("480-A fundos da loja", None, ("480-A", "fundos da loja")),
        ("1480 apto 51 B", "Ed. Sol", ("1480", "apto 51 B, Ed. Sol")),
        ("480 apto 51 B", "Apto 51 B", ("480", "apto 51 B")),  # said twice
        ("Quadra 7 Lote 9 Casa 1", None, ("S/N", "Quadra 7 Lote 9 Casa 1")),
        ("S/N - Km 40 da estrada", None, ("S/N", "Km 40 da estrada")),
        ("12345678901234", None, ("S/N", "12345678901234")),
    ],
)
def test_what_stands_behind_a_house_number_goes_to_the_complement(
    number: str, own: str | None, sent: tuple[str, str]
) -> None:
    parts, told = fitted(street="Rua Nova", number=number, complement=own)
    assert parts == ("Rua Nova", *sent)
    assert told == [TO_COMPLEMENT]


@pytest.mark.parametrize("number", ["12", "1.480", "480 ap 5", "S/N", "KM 12", None])
def test_a_number_that_fits_is_left_alone(number: str | None) -> None:
    parts, told = fitted(street="Rua Nova", number=number, complement="Casa")
    assert (parts, told) == (("Rua Nova", number, "Casa"), [])


@pytest.mark.parametrize("signs", ["-", ".", "\N{PARTY POPPER}", " , "])
def test_signs_are_neither_a_number_nor_a_complement(signs: str) -> None:
    assert fitted(street="Rua Nova", number=signs, complement=signs) == (
        ("Rua Nova", None, None),
        [],
    )


def test_what_has_no_room_in_the_complement_either_is_told() -> None:
    parts, told = fitted(
        street="Rua Nova", number="1480 Torre Norte apto 1502", complement="Condomínio Solar"
    )
    assert parts == ("Rua Nova", "1480", "Torre Norte apto 1502")
    assert told == [TO_COMPLEMENT, "complemento encurtado em 16 caracteres"]


def test_the_end_of_a_long_street_goes_to_the_complement_in_whole_words() -> None:
    street = "Avenida Governador Fulano Inventado de Sobrenome Muito Comprido Filho"
    parts, told = fitted(street=street, number="5")
    assert parts == (street.removesuffix(" Comprido Filho"), "5", "Comprido Filho")
    assert told == [OF_STREET]


def test_a_cut_leaves_no_blank_and_no_comma_at_an_end() -> None:
    parts, told = fitted(
        street="Rua Nova", number="5", complement="Centro Comercial Fictício , , sala 1204"
    )
    assert parts[2] == "Centro Comercial Fictício"
    assert told == ["complemento encurtado em 9 caracteres"]


@pytest.mark.parametrize(
    ("street", "sent"),
    [
        ("Rua das Palmas, 77 - casa 2", ("Rua das Palmas", "77", "casa 2")),
        ("Rua das Palmas, nº 77", ("Rua das Palmas", "77", None)),
        ("Rua das Palmas,77A", ("Rua das Palmas", "77A", None)),
        ("Rua 7, 15", ("Rua 7", "15", None)),
        ("Rua 24 de Maio", ("Rua 24 de Maio", None, None)),
        ("Rodovia do Sol, 12", ("Rodovia do Sol, 12", None, None)),
        ("Estrada Velha, km 12", ("Estrada Velha, km 12", None, None)),
        ("Rua A, Bloco 2, 304", ("Rua A, Bloco 2, 304", None, None)),
        ("Rua das Palmas, 77 a 99", ("Rua das Palmas, 77 a 99", None, None)),
    ],
)
def test_a_number_in_the_street_is_taken_out_where_it_is_unmistakable(
    street: str, sent: tuple[str | None, ...]
) -> None:
    assert fitted(street=street) == (sent, [])


def test_a_number_that_is_told_leaves_the_street_as_it_is() -> None:
    assert fitted(street="Rua das Palmas, 77", number="12")[0][0] == "Rua das Palmas, 77"
