"""Texts of strangers take time by their length, never by its square."""

import time
from collections.abc import Callable

import pytest

from services.panel.kit.typed import number_said
from shared.commands.files.cells import no_formula
from shared.domain.masked import LONGEST, masked
from shared.issuer.enotas.payloads import read_xml
from shared.issuer.enotas.transport import EnotasAnswer

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
