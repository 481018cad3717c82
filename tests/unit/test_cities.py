import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import cities
from shared.domain.cities import find_city, find_state

EVERY_CITY = [
    tuple(line.split("\t")) for line in cities.MUNICIPIOS.read_text(encoding="ascii").splitlines()
]


@pytest.mark.parametrize(
    ("typed", "state", "code"),
    [
        ("São Paulo", "SP", "3550308"),
        ("SAO PAULO ", "SP", "3550308"),
        ("S. Paulo", "SP", "3550308"),
        ("São Paulo - SP", "SP", "3550308"),
        ("Florianópolis/SC", "SC", "4205407"),
        ("Sto. André", "SP", "3547809"),
        ("S. José dos Campos", "SP", "3549904"),
        ("Rib. Preto", "SP", "3543402"),
        ("B. Horizonte", "MG", "3106200"),
        ("N. S. da Glória", "SE", "2804508"),
        ("Santa Bárbara d´Oeste", "SP", "3545803"),
        ("Santa Barbara Doeste", "SP", "3545803"),
        ("Mogi-Guaçu", "SP", "3530706"),
        ("Moji Guaçu", "SP", "3530706"),
        ("Embu", "SP", "3515004"),
        ("Parati", "RJ", "3303807"),
        ("Rio de Janero", "RJ", "3304557"),
        ("Porto Algere", "RS", "4314902"),
        ("Taguatinga", "DF", "5300108"),
        ("Boa Esperança do Norte", "MT", "5101837"),
        ("4106902", "PR", "4106902"),
    ],
)
def test_a_city_is_found_however_people_write_it(typed: str, state: str, code: str) -> None:
    assert find_city(typed, state) == code


@pytest.mark.parametrize(
    ("typed", "state"),
    [
        ("Belo Horizonte", "SP"),  # of another state
        ("Itapora", "SP"),  # Itapira or Itapura
        ("Itapevo", "SP"),  # Itapeva or Itapevi
        ("Matto Verde", "XX"),
        ("Paris", "SP"),
        ("4106902", "SP"),
        ("", "SP"),
        ("--", "SP"),
    ],
)
def test_a_city_is_never_a_guess(typed: str, state: str) -> None:
    assert find_city(typed, state) is None


def test_every_city_of_the_table_is_found_by_its_own_name() -> None:
    assert len(EVERY_CITY) == 5571
    wrong = [name for state, code, name in EVERY_CITY if find_city(name.title(), state) != code]
    assert wrong == []


@given(st.sampled_from(EVERY_CITY), st.data())
def test_a_misspelt_city_is_that_city_or_none_unless_it_is_anothers_name(
    city: tuple[str, str, str], data: st.DataObject
) -> None:
    state, code, name = city
    at = data.draw(st.integers(0, len(name) - 1))
    typed = name[:at] + data.draw(st.sampled_from("aeiourst")) + name[at + 1 :]
    found = find_city(typed, state)
    own_names = {other for uf, _, other in EVERY_CITY if uf == state}
    own_names |= set(cities.OTHER_NAMES.get(state, {}))  # "Iguaraçu" is Igarassu, not Iguaracy
    assert found in (code, None) or _plain(typed) in map(_plain, own_names)


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name))


@given(st.text(max_size=60), st.sampled_from(sorted(cities.UFS)))
def test_any_text_has_an_answer(typed: str, state: str) -> None:
    find_city(typed, state)


@pytest.mark.parametrize(
    ("typed", "state"),
    [("SP", "SP"), ("sp ", "SP"), ("São Paulo", "SP"), ("Ceará", "CE"), ("XX", None), (None, None)],
)
def test_a_state_is_told_by_its_letters_or_its_name(typed: str | None, state: str | None) -> None:
    assert find_state(typed) == state
