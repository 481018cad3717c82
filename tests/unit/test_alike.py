"""Names are found as people type them."""

import pytest

from shared.domain.text.alike import ACCENTED, BARE, Likeness, alike


@pytest.mark.parametrize(
    ("typed", "fast", "exact"),
    [
        ("Eloá Guedelha", "%_l__%g__d_lh_%", "%eloa%guedelha%"),
        ("josé  SILVA", "%j_s_%s_lv_%", "%jose%silva%"),
        ("100%_x", r"%100\%\_x%", r"%100\%\_x%"),
        ("Ana", "%___%", None),
        ("", "%%", None),
    ],
)
def test_accents_capitals_and_what_is_left_out_do_not_count(
    typed: str, fast: str, exact: str | None
) -> None:
    if exact is None:
        plain = f"%{'%'.join(typed.split())}%"
        assert alike(typed) == Likeness(fast=plain, exact=None)
    else:
        assert alike(typed) == Likeness(fast=fast, exact=exact)


def test_every_accented_letter_has_its_bare_one() -> None:
    assert len(ACCENTED) == len(BARE)
    assert len(set(ACCENTED)) == len(ACCENTED)
