"""Trying a rule: one real bill, an example, another order of its exceptions."""

from typing import Final

RULE_TESTS: Final[dict[str, str]] = {
    "rule.drag": "Para mudar a ordem, arraste pela alça ⠿, ou foque nela e use as setas para cima e"
    " para baixo.",
    "rule.handle": "Mover a exceção {number}",
    "rule.place": "Agora é a {{place}}ª de {{all}}.",
    "rule.new_order": "A ordem nova ainda não vale.",
    "rule.example": "Ver um exemplo de nota",
    "rule.example_bill": "Fatura do exemplo",
    "rule.example_of": "Exemplo com a fatura {bill}",
    "rule.example_text": "Com o que está preenchido abaixo. Nada foi salvo nem emitido.",
    "rule.test": "Testar com uma fatura",
    "rule.test_go": "Testar",
    "rule.test_text": "O que a versão {version} da regra faz com uma fatura de verdade, lida agora"
    " na Vindi. Testar não emite nada.",
    "rule.test_new": "Testar a regra nova com uma fatura",
    "rule.tested": "A fatura {bill} pela regra nova",
}
