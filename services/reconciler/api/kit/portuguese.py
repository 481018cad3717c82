"""What is wrong with a field, for those who write rules: tenants read it, so in Portuguese.

Keyed by pydantic's own words for kinds of problems; each text begins with the field's name.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

TEXTS: Final[dict[str, str]] = {
    "missing": "é obrigatório",
    "extra_forbidden": "não é um campo conhecido",
    "string_type": "deve ser um texto",
    "string_too_short": "deve ter ao menos {min_length} caractere(s)",
    "string_too_long": "deve ter no máximo {max_length} caractere(s)",
    "string_pattern_mismatch": "não tem o formato esperado",
    "int_type": "deve ser um número inteiro",
    "int_parsing": "deve ser um número inteiro",
    "int_from_float": "deve ser um número inteiro",
    "bool_type": "deve ser verdadeiro ou falso",
    "bool_parsing": "deve ser verdadeiro ou falso",
    "greater_than_equal": "deve ser {ge} ou mais",
    "greater_than": "deve ser maior que {gt}",
    "less_than_equal": "deve ser {le} ou menos",
    "less_than": "deve ser menor que {lt}",
    "literal_error": "deve ser um destes valores: {expected}",
    "enum": "deve ser um destes valores: {expected}",
    "list_type": "deve ser uma lista",
    "tuple_type": "deve ser uma lista",
    "too_long": "deve ter no máximo {max_length} item(ns)",
    "too_short": "deve ter ao menos {min_length} item(ns)",
    "dict_type": "deve ser um objeto",
    "model_type": "deve ser um objeto",
    "model_attributes_type": "deve ser um objeto",
}
# A text of ours that names a field itself, maybe one inside.
_NAMED: Final = re.compile(r"[a-z_.0-9]+: ")


def in_portuguese(kind: str, field: str, said: str, context: Mapping[str, Any]) -> str:
    """The problem with its field's name; what is not listed is in Portuguese already."""
    text = TEXTS.get(kind)
    name = field.rpartition(".")[2] or field
    if text is None:
        return said if not name or _NAMED.match(said) else f"{name}: {said}"
    known = {key: str(value).replace(" or ", " ou ") for key, value in context.items()}
    return f"{name}: {text.format_map(_Known(known))}"


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
