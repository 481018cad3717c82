"""What is wrong with a field, for those who fill it in: tenants read it, so in Portuguese.

Keyed by pydantic's own words for kinds of problems; each text begins with the field's name.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from pydantic_core.core_schema import ErrorType

TEXTS: Final[dict[str, str]] = {
    "missing": "é obrigatório",
    "extra_forbidden": "não é um campo conhecido",
    "string_type": "deve ser um texto",
    "string_too_short": "deve ter ao menos {min_length} caracteres",
    "string_too_long": "deve ter no máximo {max_length} caracteres",
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
    "too_long": "deve ter no máximo {max_length} itens",
    "too_short": "deve ter ao menos {min_length} itens",
    "dict_type": "deve ser um objeto",
    "model_type": "deve ser um objeto",
    "model_attributes_type": "deve ser um objeto",
    "dataclass_type": "deve ser um objeto",
    "mapping_type": "deve ser um objeto",
    "invalid_key": "os nomes devem ser textos",
    "string_unicode": "deve ser um texto em Unicode",
    "string_sub_type": "deve ser um texto",
    "int_parsing_size": "é um número grande demais",
    "multiple_of": "deve ser múltiplo de {multiple_of}",
    "float_type": "deve ser um número",
    "float_parsing": "deve ser um número",
    "finite_number": "deve ser um número",
    "decimal_type": "deve ser um número",
    "decimal_parsing": "deve ser um número",
    "none_required": "deve ser null",
    "date_type": "deve ser uma data, como 2026-11-30",
    "date_parsing": "deve ser uma data, como 2026-11-30",
    "date_from_datetime_parsing": "deve ser uma data, como 2026-11-30",
    "date_from_datetime_inexact": "deve ser uma data sem hora, como 2026-11-30",
    "recursion_loop": "não pode conter a si mesmo",
}
# What pydantic says in its own words; what we raise is said in Portuguese where it is raised.
THEIRS: Final = frozenset(get_args(ErrorType)) - {"value_error"}
# A text of ours that names a field itself, maybe one inside.
_NAMED: Final = re.compile(r"[a-z_.0-9]+: ")
# A count that is one has a word of its own.
_ONE: Final = re.compile(r"\b1 (caracteres|itens)\b")
_SINGULAR: Final = {"caracteres": "caractere", "itens": "item"}
_BODY: Final = "corpo"
_ELSE: Final = "não tem o formato esperado"


def in_portuguese(kind: str, field: str, said: str, context: Mapping[str, Any]) -> str:
    """The problem with its field's name; what we raised ourselves was said in Portuguese."""
    # One of a list is told by the list's name.
    name = next((part for part in reversed(field.split(".")) if part and not part.isdigit()), _BODY)
    bare = bare_portuguese(kind, context)
    if bare is None:
        return said if name == _BODY or _NAMED.match(said) else f"{name}: {said}"
    return f"{name}: {bare}"


def bare_portuguese(kind: str, context: Mapping[str, Any]) -> str | None:
    """The problem alone, where it is shown at its field; None for what we raised ourselves."""
    if kind not in THEIRS:
        return None
    known = {key: str(value).replace(" or ", " ou ") for key, value in context.items()}
    said = TEXTS.get(kind, _ELSE).format_map(_Known(known))
    return _ONE.sub(lambda found: f"1 {_SINGULAR[found[1]]}", said)


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"
