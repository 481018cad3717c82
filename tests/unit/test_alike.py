"""Names are found as people type them."""

import re

import pytest

from shared.domain.text.alike import ACCENTED, BARE, Likeness, alike


@pytest.mark.parametrize(
    ("typed", "fast"),
    [
        ("Eloá Guedelha", "%_l__%g__d_lh_%"),
        ("josé  SILVA", "%j_s_%s_lv_%"),
        ("100%_x", r"%100\%\_x%"),
        ("Ana", "%___%"),
    ],
)
def test_the_fast_pattern_lets_every_letter_be_any_that_may_bear_an_accent(
    typed: str, fast: str
) -> None:
    assert alike(typed).fast == fast


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("eloa guedelha", "Eloá Guedelha"),
        ("josé  SILVA", "JOSÉ da Silva"),
        ("ana", "ÁNA Aguiar"),
        ("caio", "Cáio"),
        ("conceicao", "Maria da Conceição"),
        ("INACIO", "Inácio"),
        ("100%_x.(a)", "Taxa 100%_X.(A)"),
        ("a-b^c]d\\e", "A-B^C]D\\E"),
        ("straße", "Strasse"),
        ("أحمد", "مرحبا أحمد"),
    ],
)
def test_accents_capitals_and_what_is_left_out_do_not_count(typed: str, name: str) -> None:
    exact = alike(typed).exact

    assert exact is not None
    assert re.search(exact, name)


@pytest.mark.parametrize(("typed", "name"), [("ana", "Alba"), ("1.0", "100"), ("a b", "b a")])
def test_what_is_not_there_is_not_found(typed: str, name: str) -> None:
    assert not re.search(alike(typed).exact or "", name)


def test_nothing_typed_fits_everything() -> None:
    assert alike(" ") == Likeness(fast="%%", exact=None)


def test_every_accented_letter_has_its_bare_one() -> None:
    assert len(ACCENTED) == len(BARE)
    assert len(set(ACCENTED)) == len(ACCENTED)
