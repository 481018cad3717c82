"""Texts of strangers take time by their length, never by its square."""

import time
from collections.abc import Callable

import pytest

from services.panel.kit.typed import number_said
from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.reading import MOST_BYTES, parsed
from services.reconciler.api.rules import RuleTold
from shared.commands.files.cells import no_formula
from shared.domain.cities import find_city
from shared.domain.fields.metadata import BadMetadata, over
from shared.domain.masked import LONGEST, masked
from shared.domain.text.letters import one_line
from shared.issuer.enotas.payloads import read_xml
from shared.issuer.enotas.transport import EnotasAnswer
from tests.builders import a_rule

LONG = 100_000
MOST_SECONDS = 5.0  # of the processor; by the square it would be a quarter of a minute and more


@pytest.mark.parametrize("read", [no_formula, masked])
@pytest.mark.parametrize(
    "piece", ["a", "Â", " ", "\t", "\n", '"', "a.", "' ", "=", "\t=", "1(", "<"]
)
def test_a_long_text_is_read_in_time(read: Callable[[str], str], piece: str) -> None:
    began = time.process_time()
    read(piece * (LONG // len(piece)) + "!")

    assert time.process_time() - began < MOST_SECONDS


def test_of_a_long_refusal_the_beginning_is_shown_and_no_half_of_an_address() -> None:
    before = "campo obrigatorio " * (4 * LONGEST // 18)
    shown = masked(f"{before}joao.silva.de.souza@exemplo.com.br informe")

    assert shown.startswith("campo obrigatorio")
    assert len(shown) <= LONGEST
    assert "joao" not in masked("x" * (4 * LONGEST - 4) + " joao@exemplo.com")
    assert masked("y" * (5 * LONGEST)) == ""


@pytest.mark.parametrize(
    "piece", ["#", "# ", "#.", "nº", "nota ", "nota fiscal", "n.º.", "fatura#"]
)
def test_what_support_pastes_is_read_in_time(piece: str) -> None:
    """A line of `#` had been shared out among its own signs in every way: for ever."""
    began = time.process_time()

    assert number_said(f"{piece * 200}"[:199] + "x").endswith("x")
    assert number_said("## Fatura nº 4711") == "4711"
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("piece", [b"<!-- x -->", b"<!---->", b"<?x ?>", b"<!-- x --> \n"])
def test_an_answer_of_many_comments_is_read_in_time(piece: bytes) -> None:
    """Comments had been put together in every way before something was no page, or no document."""
    began = time.process_time()
    answer = EnotasAnswer(status=200, headers={}, body=piece * 5000 + b"1")

    assert answer.is_own_word
    with pytest.raises(ValueError, match="not XML"):
        read_xml(answer.body)
    assert not EnotasAnswer(status=200, headers={}, body=piece * 9 + b"<html>").is_own_word
    assert read_xml(piece * 9 + b"<NFSe/>")
    assert time.process_time() - began < MOST_SECONDS


@pytest.mark.parametrize("piece", ["{}", "1", '""', "[]"])
def test_a_body_of_nothing_but_mistakes_is_refused_in_time(piece: str) -> None:
    """Each of eighty thousand mistakes had been worded, for three seconds of the processor."""
    began = time.process_time()
    count = (MOST_BYTES - 200) // (len(piece) + 1)
    body = f'{{"issue_when":"never","exceptions":[{",".join([piece] * count)}]}}'

    with pytest.raises(Problem) as caught:
        parsed(body.encode(), RuleTold)

    assert caught.value.status == 422
    assert len(caught.value.errors) == 1
    assert time.process_time() - began < MOST_SECONDS / 4


@pytest.mark.parametrize("piece", ["amp;", "#38;", "#x26;", "&#97;mp;", "AMP;", "&amp;", "lt;"])
def test_entities_in_entities_are_read_in_time(piece: str) -> None:
    began = time.process_time()
    written = one_line("&" + piece * (LONG // len(piece)) + "lt;b")

    assert one_line(written) == written
    assert time.process_time() - began < MOST_SECONDS / 4
    assert one_line("Silva &amp;amp;#38; Filhos &amp;lt;b&#62;") == "Silva & Filhos <b>"


def test_cities_that_nobody_knows_are_told_in_time() -> None:
    """Each had been held against every city of its state, four times."""
    began = time.process_time()

    assert not any(find_city(f"lugar nenhum{number}", "MG") for number in range(5000))
    assert time.process_time() - began < MOST_SECONDS / 4
    assert find_city("Belo Horisonte", "MG") == find_city("elo Horizonte", "MG") == "3106200"
    assert find_city("Belo Horizotne", "MG") == find_city("Belo Horizonter", "MG") == "3106200"


def test_of_endless_metadata_only_a_beginning_is_remembered() -> None:
    terms = a_rule().service.terms
    endless = "x" * LONG

    refused = over(terms, {"nota_observacoes": endless})

    assert isinstance(refused, BadMetadata)
    assert refused == over(terms, {"nota_observacoes": endless[: LONG // 2]})
    assert over(terms, {f"nota_{endless}": "1", endless: "1"}) is terms
