import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain import spoken
from shared.domain.messages import MESSAGES, message_in
from shared.domain.sale import SaleStatus
from shared.domain.story import HEADS, detail_told, told

WITH_NOTA = (
    SaleStatus.ISSUING,
    SaleStatus.CANCELLING,
    SaleStatus.CANCELLED,
    SaleStatus.ISSUED,
)
ROOT = Path(__file__).parents[2]
AT = "29/11/2026 às 02:46"


@pytest.mark.parametrize(
    ("what", "why", "said"),
    [
        ("nota_issued", "número 123", "Nota autorizada: número 123"),
        ("nota_issued", "", "Nota autorizada."),
        ("held", "no_rule", f"Pendente: {MESSAGES['no_rule'].text}"),
        (
            "held",
            "amount_mismatch: itens somam 1.00, fatura diz 2.00",
            (
                f"Pendente: {MESSAGES['amount_mismatch'].text} "
                "(itens somam R$ 1,00, fatura diz R$ 2,00)"
            ),
        ),
        (
            "nota_denied",
            f"denied_city; reenvio automático em {AT}",
            f"Nota negada: {MESSAGES['denied_city'].text} (reenvio automático em {AT})",
        ),
        (
            "nota_requested",
            "regra v2; competência 29/11/2026",
            "Nota pedida ao emissor: regra versão 2; competência 29/11/2026",
        ),
        (
            "changed",
            "regra: v1 → v2; por uma regra nova",
            "Mudança antes da emissão: regra: versão 1 → versão 2; por uma regra nova",
        ),
        ("issue", "conferido: tudo certo", "Pedido: emitir: conferido: tudo certo"),
        ("a word of tomorrow", "x", "a word of tomorrow: x"),
    ],
)
def test_a_line_is_told_in_words_and_not_in_codes(what: str, why: str, said: str) -> None:
    assert told(what, why) == said


def test_a_notice_of_the_issuer_is_not_said_to_be_vindis() -> None:
    assert told("event_received", "Autorizada", "enotas") == "Aviso do emissor recebido: Autorizada"
    assert told("event_received", "bill_paid", "vindi") == "Aviso da Vindi recebido: fatura paga"


def test_every_word_that_code_writes_into_a_timeline_has_its_sentence() -> None:
    assert sorted(set(_words_written()) - HEADS.keys()) == []


def _words_written() -> Iterator[str]:
    """Literal words of lines: `what` of what makes a line, and the second word of `happened`."""
    for root in ("services", "shared"):
        for file in (ROOT / root).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield from _of_call(node.func.id, node)


def _of_call(name: str, call: ast.Call) -> Iterator[str]:
    found: list[ast.expr] = []
    if name in {"Happening", "Answer", "TimelineEntry"}:
        found = [one.value for one in call.keywords if one.arg == "what"]
    if name == "happened":
        found = call.args[1:2]
    for one in found:
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def test_numbers_have_the_right_form_and_money_its_commas() -> None:
    assert [spoken.days(1), spoken.days(2), spoken.notas(1), spoken.notas(0)] == [
        "1 dia", "2 dias", "1 nota", "0 notas",
    ]  # fmt: skip
    assert [spoken.reais(n) for n in (0, 5, 123_456_789, -100)] == [
        "R$ 0,00", "R$ 0,05", "R$ 1.234.567,89", "-R$ 1,00",
    ]  # fmt: skip


@pytest.mark.parametrize("code", ["refunded", "bill_canceled", "canceled_by_person"])
def test_a_message_knows_where_the_nota_is(code: str) -> None:
    before = message_in(SaleStatus.SKIPPED, code).text
    after = {message_in(status, code).text for status in WITH_NOTA}

    assert len(after | {before}) == len(WITH_NOTA) + 1
    assert all("não há nota" not in text and "não emitir" not in text for text in after)


def test_a_sale_held_before_it_was_sent_is_told_as_what_would_be_refused() -> None:
    why = "denied_document: CNPJ do cliente: é o da própria empresa que emite [E0202]"

    held, denied = told("held", why), told("nota_denied", "denied_document")

    assert held.startswith("Pendente: A nota seria recusada por causa do CPF ou CNPJ do cliente")
    assert held.endswith("(CNPJ do cliente: é o da própria empresa que emite [E0202])")
    assert denied.startswith("Nota negada: O CPF ou CNPJ do cliente foi recusado.")


def test_what_an_address_lacks_is_said_in_portuguese() -> None:
    said = told("held", "customer_address_incomplete: street, zip")

    assert said.endswith("(falta: rua, CEP)")
    assert detail_told("customer_address_incomplete", "city") == "falta: cidade"
    assert detail_told("amount_mismatch", "itens R$ 1,00") == "itens R$ 1,00"
