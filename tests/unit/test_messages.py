"""Every stable word has a Portuguese text that says what to do."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import shared
from shared.domain.attention import ABOUT_BILL
from shared.domain.denials import ON_CUSTOMER
from shared.domain.messages import LABELS, MESSAGES, message_for
from shared.domain.refund_policy import CODES, LEFT_BY_RULE, WINDOW_OVER
from shared.domain.sale import SaleStatus
from shared.domain.shadow import IN_SHADOW, PAUSED, SHADOW_CODES
from shared.domain.undone import CHARGED_BACK

ROOT = Path(shared.__file__).parent
# Codes of interface section 5 that come from elsewhere than a decision.
DENIALS = (
    "certificate layout city document address contact account issuer_setup numbering service"
    " reform competencia foreign outage unknown"
)

STOPPED = {PAUSED, IN_SHADOW, *SHADOW_CODES}
NAMED = {"canceled_by_person", CHARGED_BACK, LEFT_BY_RULE, WINDOW_OVER, *ABOUT_BILL} | STOPPED


def codes_said_by_decisions() -> set[str]:
    """Constants given as `code`, `attention` or `then_cancel` in the domain, and by the errors."""
    files = [*ROOT.glob("domain/**/*.py"), ROOT / "vindi/errors.py", ROOT / "issuer/errors.py"]
    said = {code for file in files for code in _constants(ast.parse(file.read_text()))}
    refusing = (
        ROOT / "domain/actions.py",
        ROOT / "domain/part_actions.py",
        ROOT / "domain/statement.py",
    )
    refusals = {code for file in refusing for code in _constants(ast.parse(file.read_text()))}
    return (said - refusals) | set(CODES.values()) | NAMED


def _constants(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("code", "attention", "then_cancel"):
            yield from (
                inner.value
                for inner in ast.walk(node.value)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
            )


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


@pytest.mark.parametrize("code", ON_CUSTOMER)
def test_a_denial_for_a_customers_data_says_that_its_nota_is_sent_again_by_itself(
    code: str,
) -> None:
    assert "a nota é reenviada automaticamente" in message_for(code).text
