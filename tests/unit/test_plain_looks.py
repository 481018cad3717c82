"""What is looked at in one go is what its parts would be one by one, and in the same letters."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bill import Address
from shared.domain.money import read_reais
from shared.domain.text.address import fit_address, looks_plain
from shared.domain.text.letters import one_line
from shared.issuer.enotas.form import FORM
from shared.vindi.query import encoded

PART = st.text(alphabet="ab1 Ãç|&;,-/.\u00ad\u00a0\u0080ł\n", min_size=1, max_size=14)
TEXTS = ("street", "number", "complement", "district", "city", "state", "zip", "country")


@given(st.fixed_dictionaries({name: PART | st.none() | st.just("") for name in TEXTS}))
def test_an_address_that_looks_plain_is_written_as_it_is(parts: dict[str, str | None]) -> None:
    address = Address(**parts)
    if not looks_plain(address, FORM):
        return
    told: list[str] = []
    assert fit_address(address, FORM, told) is address
    assert told == []
    for text in parts.values():
        assert text is None or one_line(text) == text


def test_a_usual_address_looks_plain() -> None:
    address = Address(
        street="Avenida São João",
        number="1021",
        complement="ap 5",
        district="Centro",
        city="São Paulo",
        state="SP",
        zip="01310100",
        country="BR",
    )
    assert looks_plain(address, FORM)


@given(st.text(max_size=40))
def test_a_value_is_encoded_as_the_library_would(text: str) -> None:
    assert encoded(text) == quote(text, safe="")


@pytest.mark.parametrize("value", [True, [], {}, None, "1.999", "x"])
def test_what_is_no_amount_is_refused_each_time(value: object) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="amount"):
            read_reais(value)


def test_one_and_true_are_not_the_same_amount() -> None:
    assert read_reais(1) == 100
    with pytest.raises(ValueError, match="not an amount"):
        read_reais(True)
