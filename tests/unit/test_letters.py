"""Texts as a nota can carry them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.text.cutting import MARK, cut, halves
from shared.domain.text.letters import (
    Alphabet,
    is_transliterated,
    lines,
    one_line,
    says_something,
)

ANYTHING = st.text(st.characters(codec=None))


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Plano Ouro", "Plano Ouro"),
        ("Associação São João & Cia. nº 3", "Associação São João & Cia. nº 3"),
        ("  Bia \N{PARTY POPPER} Fictícia  ", "Bia Fictícia"),
        ("Bia  Fictícia", "Bia Fictícia"),
        ("Bia\r\nFictícia", "Bia Fictícia"),
        ("Plano\x0bPrata\x1f Anual\x07", "Plano Prata Anual"),
        ("Bia\u00a0Fictícia\u2003Ltda", "Bia Fictícia Ltda"),
        ("uma\u2028duas\u2029três\x85quatro", "uma duas três quatro"),
        ("\u202eevil\u202c \ufeffmarca\u200b", "evil marca"),
        ("meio\u00adhífen", "meiohífen"),
        ("\ud800solto\udfff", "solto"),
        ("fim\ufffe\uffff\ufffd", "fim"),
        ("“Prata” – ‘mensal’ — 3…", "\"Prata\" - 'mensal' - 3..."),
        ("d\x92água \x93boa\x94", 'd\'água "boa"'),
        ("Žižek Łódź Đorđe Œuvre", "Zizek Lódz Dorde OEuvre"),
        ("Cafe\u0301 c\u0327a\u0303o", "Café ção"),
        ("z\u0308", "z"),
        ("Ｐｌａｎｏ １２", "Plano 12"),
        ("Marca™ № 5 • 10 € ≥ 3 − 1", "MarcaTM No 5 - 10 EUR >= 3 - 1"),
        ("1º ½ m² 20 °C § 3 «x»", "1º ½ m² 20 °C § 3 «x»"),
        ("Иван Петров", "Ivan Petrov"),
        ("❤️\N{FAMILY}👨‍👩‍👧", ""),
        ("", ""),
    ],
)
def test_a_text_is_written_in_latin_letters_on_one_line(typed: str, written: str) -> None:
    assert one_line(typed) == written


def test_where_any_letter_may_stand_scripts_and_quotes_stay_but_no_control_characters() -> None:
    assert one_line(" Иван\t“王小明”\x00\u202e ", Alphabet.UNICODE) == "Иван “王小明”"


def test_a_tenants_own_lines_stay_and_have_one_kind_of_break() -> None:
    assert lines("Linha um \r\nlinha  dois\rtrês\n\n\n\nquatro\n") == (
        "Linha um\nlinha dois\ntrês\n\nquatro"
    )


@given(ANYTHING, st.sampled_from(Alphabet))
def test_whatever_was_written_once_is_written_the_same_again(text: str, alphabet: Alphabet) -> None:
    for write in (one_line, lines):
        once = write(text, alphabet)
        assert write(once, alphabet) == once
        assert once == once.strip()
        assert unicodedata.is_normalized("NFC", once)
        assert not {"\r", "\t", "\ufffe", "\u2028", "\u200e"} & set(once)
        if alphabet is Alphabet.LATIN_1:
            once.encode("latin-1")


@given(ANYTHING, st.integers(1, 40), st.sampled_from(["", MARK]))
def test_a_text_is_cut_to_its_limit_and_its_rest_is_not_lost(
    text: str, most: int, mark: str
) -> None:
    text = one_line(text, Alphabet.UNICODE)
    assert len(cut(text, most, mark)) <= most
    head, rest = halves(text, most)
    kept = (head + rest).replace(" ", "")
    for loose in " ,;:-/(":
        kept, text = kept.replace(loose, ""), text.replace(loose, "")
    assert kept == text


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("Rua das Flores do Campo", 23, "Rua das Flores do Campo"),
        ("Rua das Flores do Campo", 22, "Rua das Flores do"),
        ("Rua das Flores do Campo", 17, "Rua das Flores do"),
        ("Edifício Sol, sala 4", 13, "Edifício Sol"),
        ("Edifício Sol - sala 4", 16, "Edifício Sol"),
        ("Ab Cdefghijklmnopqrstuvw", 12, "Ab Cdefghijk"),
        ("abcdefghij", 4, "abcd"),
        ("abcx\u0301\u0302def", 4, "abc"),
    ],
)
def test_a_cut_falls_between_words_where_it_can_and_never_within_a_letter(
    text: str, most: int, kept: str
) -> None:
    assert cut(text, most) == kept


@pytest.mark.parametrize("text", ["", " ", ".", " - ", "\N{PARTY POPPER}", "\x07", "\u200b", "_"])
def test_blanks_and_signs_say_nothing(text: str) -> None:
    assert not says_something(text)


@pytest.mark.parametrize("text", ["A", "3M", "“Bia”", "王", " ñ"])
def test_a_letter_or_a_digit_says_something(text: str) -> None:
    assert says_something(text)


def test_only_another_script_is_told_as_transliterated() -> None:
    assert is_transliterated("Иван")
    assert not is_transliterated("Žižek “Łódź” №")
