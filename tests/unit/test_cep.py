"""The state of a CEP, and what it completes."""

import pytest
from msgspec.structs import replace

from shared.domain.bill import Address
from shared.domain.cep import state_of_cep
from shared.domain.party import complete_by_cep

ADDRESS = Address(street="Rua Um", district="Centro", city="Curitiba", zip="80010000")


@pytest.mark.parametrize(
    ("cep", "state"),
    [
        ("01001000", "SP"), ("19999999", "SP"), ("20000000", "RJ"), ("28999999", "RJ"),
        ("69299999", "AM"), ("69300000", "RR"), ("69400000", "AM"), ("69900000", "AC"),
        ("72799999", "DF"), ("72800000", "GO"), ("73000000", "DF"), ("73700000", "GO"),
        ("76800000", "RO"), ("77000000", "TO"), ("99999999", "RS"),
        ("00999999", None), ("8001000", None), ("80010-000", None), ("", None),
    ],
)  # fmt: skip
def test_a_cep_lies_in_one_state(cep: str, state: str | None) -> None:
    assert state_of_cep(cep) == state


def test_a_missing_state_is_that_of_the_cep() -> None:
    assert complete_by_cep(ADDRESS) == replace(ADDRESS, state="PR")


@pytest.mark.parametrize(
    "address",
    [
        replace(ADDRESS, city="Santos"),  # no city of Paraná
        replace(ADDRESS, city=None),
        replace(ADDRESS, zip=None),
        replace(ADDRESS, zip="8001000"),
        replace(ADDRESS, state="SC"),  # what is said is never overruled
    ],
)
def test_nothing_is_guessed(address: Address) -> None:
    assert complete_by_cep(address) == address
