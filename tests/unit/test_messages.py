"""Every stable word has a Portuguese text that says what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import shared
from shared.domain import decide
from shared.domain.messages import LABELS, MESSAGES, message_for
from shared.domain.sale import SaleStatus

ROOT = Path(shared.__file__).parent
# Codes of interface section 5 that come from elsewhere than a decision.
DENIALS = (
    "certificate layout city document address contact account issuer_setup numbering service"
    " reform competencia foreign outage unknown"
)


def codes_said_by_decisions() -> set[str]:
    """Constants given as `code`, `attention` or `then_cancel` in the domain, and by the errors."""
    files = [*ROOT.glob("domain/*.py"), ROOT / "vindi/errors.py", ROOT / "issuer/errors.py"]
    said = {code for file in files for code in _constants(ast.parse(file.read_text()))}
    refusing = (ROOT / "domain/actions.py", ROOT / "domain/statement.py")
    refusals = {code for file in refusing for code in _constants(ast.parse(file.read_text()))}
    return (said - refusals) | _returned_by_why_unwanted() | {"canceled_by_person"}


def _constants(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("code", "attention", "then_cancel"):
            yield from (
                inner.value
                for inner in ast.walk(node.value)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
            )


def _returned_by_why_unwanted() -> set[str]:
    tree = ast.parse(Path(decide.__file__).read_text())
    return {
        constant.value
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "why_unwanted"
        for returned in ast.walk(function)
        if isinstance(returned, ast.Return)
        for constant in ast.walk(returned)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
        and re.fullmatch(r"[a-z_]{5,}", constant.value)
    }  # fmt: skip


def test_every_code_a_decision_gives_has_a_message() -> None:
    codes = codes_said_by_decisions()

    assert {"no_rule", "refunded", "tenant_paused", "mixed_services"} <= codes
    assert codes - set(MESSAGES) == set()


@pytest.mark.parametrize("word", DENIALS.split())
def test_every_class_of_denial_has_a_message(word: str) -> None:
    assert f"denied_{word}" in MESSAGES


def test_every_message_is_one_text_of_its_own_that_ends_as_a_sentence() -> None:
    for code, message in MESSAGES.items():
        assert message.text.endswith("."), code
        assert message.text[0].isupper(), code


def test_a_word_we_do_not_know_is_a_question_for_support() -> None:
    assert message_for("brand_new").who_acts == "support"


def test_every_status_has_a_label() -> None:
    assert set(LABELS) == set(SaleStatus)
