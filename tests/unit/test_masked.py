"""What others than the tenant see of a city's text."""

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.masked import masked


def test_numbers_addresses_and_names_are_masked_and_the_sentence_stays() -> None:
    text = (
        "E0999: o campo dadosExtras do tomador Maria Aparecida dos Santos, CPF 123.456.789-09,"
        " maria@example.org, Rua das Flores 12, não confere; veja https://example.org/x?cpf=1"
    )

    shown = masked(text)

    assert "E0999" in shown
    assert "do tomador" in shown
    assert "não confere" in shown
    for told in ("Maria", "Aparecida", "Santos", "123", "maria@", "Flores", "example", "12,"):
        assert told not in shown


def test_the_customers_own_name_is_masked_however_it_is_written() -> None:
    for text in ("o cliente zenaide quirino falta", "ZENAIDE QUIRINO: falta", "Zenaide falta"):
        shown = masked(text, ["Zenaide Quirino"])
        assert "zenaide" not in shown.lower()
        assert "quirino" not in shown.lower()
        assert "falta" in shown.lower()


def test_equal_texts_about_other_people_are_one() -> None:
    one = masked("A cota 12 do tomador João Pereira foi excedida")
    other = masked("A cota 97 do tomador Ana Souza foi excedida")

    assert one == other


@given(st.text(), st.text(min_size=3))
def test_no_digit_and_no_address_is_ever_left(text: str, name: str) -> None:
    shown = masked(f"{text} 123.456.789-09 a@b.org", [name])

    assert "123" not in shown
    assert "@" not in shown or "@" in text
    assert len(shown) <= 500
