"""However a city writes "already", what speaks of it is never sent again by itself."""

from collections.abc import Callable
from html import escape
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.bare_text import bare, says_already
from shared.domain.refusals import read_refusal
from shared.issuer.enotas.denials import classify_denial

SUBJECTS = (
    "O RPS 41",
    "A DPS",
    "Número",
    "NFS-e",
    "Nota Fiscal",
    "O registro",
    "Tipo: 1 Série: 2 Número: 41",
    "Erro desconhecido: o documento",
    "Falha na comunicação: o RPS",
    "Sistema indisponível. O lote",
    "Erro no schema: o RPS",
    "E1235: o documento",
    "E1206",
)
ALREADY = (
    "já informado",
    "já informado anteriormente",
    "já existe",
    "já foi convertido em NFS-e",
    "já utilizado em outra nota",
    "duplicado",
    "em duplicidade",
    "foi emitida anteriormente",
    "convertido",
    "already exists",
    "utilizado em outra emissão",
)
SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    str.title,
    lambda text: text.replace("á", "a").replace("é", "e"),
    lambda text: "".join(f"&#{ord(sign)};" if ord(sign) > 127 else sign for sign in text),
    lambda text: "".join(f"&#x{ord(sign):x};" if ord(sign) > 127 else sign for sign in text),
    lambda text: text.replace("á", "&aacute;"),
    lambda text: text.replace("á", "&amp;aacute;"),
    lambda text: text.encode().decode("latin-1"),
    lambda text: text.encode().decode("cp1252", errors="ignore"),
    lambda text: text.encode().decode("latin-1").encode().decode("latin-1"),
    lambda text: text.encode("latin-1").decode("utf-8", errors="replace"),
    lambda text: text.encode("ascii", errors="replace").decode(),
    lambda text: text.replace("á", "a\u0301"),
    lambda text: text.replace("á", "´a"),
    lambda text: text.replace("á", "a'"),
    lambda text: text.replace("á", "\\u00e1"),
    lambda text: text.replace(" ", "\u00a0"),
    lambda text: text.replace(" ", "\r\n"),
    lambda text: f"<b>{text}</b>",
    lambda text: text.replace("j", "<i>j</i>"),
    escape,
)


def spelled() -> list[str]:
    whole = [f"{subject} {already}." for subject, already in product(SUBJECTS, ALREADY)]
    return [spell(text) for text, spell in product(whole, SPELLINGS)]


def test_none_that_says_already_is_ever_sent_again_by_itself() -> None:
    texts = spelled()

    assert len(texts) > 3000
    assert [text for text in texts if classify_denial(text).resends] == []


@given(before=st.text(max_size=40), after=st.text(max_size=40), already=st.sampled_from(ALREADY))
def test_whatever_stands_around_it(before: str, after: str, already: str) -> None:
    assert not read_refusal(f"{before} {already} {after}").resends


@pytest.mark.parametrize(
    "text",
    ["Número já informado", "RPS já convertido em nota", "a DPS já foi utilizada", "RPS duplicado"],
)
def test_a_nota_that_may_exist_is_a_used_number_however_it_is_spelled(text: str) -> None:
    for spell in SPELLINGS:
        assert classify_denial(spell(text)).denial == "denied_numbering"


@pytest.mark.parametrize(
    "text",
    [
        "O sistema da prefeitura está fora do ar.",
        "Limite de tentativas de conexão atingido",
        "Erro desconhecido",
        "O e-mail não existe: servidor indisponível",
        "",
    ],
)
def test_what_says_nothing_of_the_kind_may_be_sent_again(text: str) -> None:
    assert classify_denial(text).resends


@given(st.text())
def test_a_text_is_bare_once_and_for_all(text: str) -> None:
    once = bare(text)

    assert bare(once) == once
    assert says_already(once) == says_already(bare(once))
