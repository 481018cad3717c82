"""Limites."""

from typing import Final

LIMITS: Final[dict[str, str]] = {
    "limits.title": "Limites",
    "limits.text": "Freios contra enganos: quando um é atingido, a emissão para até alguém"
    " liberar.",
    "limits.go": "Ver os limites",
    "limits.on": "A emissão está freada",
    "limits.release": "Liberar",
    "limits.release_text": "Confira as vendas retidas antes. As que esperam saem todas.",
    "limits.notas": "Notas por dia",
    "limits.day": "Valor por dia, em R$",
    "limits.one": "Valor de uma nota, em R$",
    "limits.old": "Idade máxima da venda, em dias",
    "limits.old_help": "Vazio: sem este limite",
    "limits.none": "sem limite",
    "limits.yes": "sim",
    "limits.not": "não",
    "limits.unusual": "Frear o que foge muito do comum",
    "limits.unusual_help": "Cinco vezes o maior dia das últimas semanas.",
}
