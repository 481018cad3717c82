"""Texts of strangers take time by their length, never by its square."""

import time
from collections.abc import Callable

import pytest

from shared.commands.files.cells import no_formula
from shared.domain.masked import LONGEST, masked

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
