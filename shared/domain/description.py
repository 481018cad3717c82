"""The text of a nota, from the tenant's template."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

VARIABLES: Final = frozenset(
    {"produtos", "fatura", "competencia", "cliente", "plano", "ciclo", "valor", "pagamento"}
)
# The national standard's limits of the discriminação (enotas-api, section 4.3).
FEWEST_CHARACTERS: Final = 10  # blanks not counted
MOST_CHARACTERS: Final = 2000
_VARIABLE = re.compile(r"\{([^{}]*)\}")


def check_template(template: str) -> None:
    """Raise ValueError when a template names a variable we do not know or leaves a brace open."""
    unknown = sorted({name for name in _VARIABLE.findall(template) if name not in VARIABLES})
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(VARIABLES))
        raise ValueError(
            f"description: a variável {{{unknown[0]}}} não existe; as conhecidas são {known}"
        )
    if set("{}") & set(_VARIABLE.sub("", template)):
        raise ValueError("description: uma chave ficou aberta ou foi fechada duas vezes")


@lru_cache(maxsize=1024)
def variables_in(template: str) -> frozenset[str]:
    """Name the variables that a template uses."""
    return frozenset(_VARIABLE.findall(template))


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Fill a checked template and cut it to the issuer's limit without breaking a word."""
    text = _VARIABLE.sub(lambda found: values.get(found.group(1), ""), template).strip()
    return cut_at_word(text, MOST_CHARACTERS)


def lengthen(text: str, bill: int) -> str:
    """Name the bill in a text too short for the issuer; others stay as the tenant wrote them."""
    if len("".join(text.split())) >= FEWEST_CHARACTERS:
        return text
    return " - ".join(part for part in (text, f"referente à fatura {bill}") if part)


def cut_at_word(text: str, limit: int) -> str:
    """Cut a text to at most `limit` characters, at a space where there is one."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    head, space, _ = kept.rpartition(" ")
    return f"{head if space else kept}…"
