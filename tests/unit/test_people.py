import pytest

from shared.domain.ids import PersonId
from shared.domain.people import (
    RIGHTS,
    Person,
    may,
    needs_ticket,
    password_fault,
    plain_email,
    signature,
)

ANA = Person(id=PersonId("pk3f9x2m1qz"), name="Ana Souza", staff=None)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        (" Ana@Exemplo.com.br ", "ana@exemplo.com.br"),
        ("ana+notas@exemplo.com", "ana+notas@exemplo.com"),
        ("ana", None),
        ("ana@exemplo", None),
        ("@exemplo.com", None),
        ("a na@exemplo.com", None),
        ("ana@exemplo.com\nBcc: x@y.z", None),
        ("a" * 250 + "@exemplo.com", None),
    ],
)
def test_an_address_is_read_the_same_however_it_is_typed(typed: str, read: str | None) -> None:
    assert plain_email(typed) == read


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("curta", "too_short"),
        ("x" * 201, "too_long"),
        ("aaaaaaaaaaaaa", "too_plain"),
        ("ana@exemplo.com", "is_yours"),
        ("três pratos de trigo", None),
    ],
)
def test_a_password_is_long_and_not_the_persons_own_name(password: str, fault: str | None) -> None:
    assert password_fault(password, email="ana@exemplo.com", name="Ana") == fault


def test_an_accountant_only_looks_and_nobody_but_ours_searches_all_companies() -> None:
    assert RIGHTS["accountant"] == {"see"}
    assert [who for who in RIGHTS if may(who, "search")] == ["support", "operator"]
    assert [who for who in RIGHTS if may(who, "people")] == ["owner", "operator"]


def test_what_ours_do_for_a_company_names_its_ticket() -> None:
    rui = Person(id=PersonId("p0000000001"), name="Rui", staff="support")

    assert needs_ticket("support")
    assert not needs_ticket("owner")
    assert signature(ANA, "owner") == "Ana Souza (pk3f9x2m1qz)"
    assert signature(rui, "support", "4711") == "Rui (p0000000001, suporte, chamado 4711)"
