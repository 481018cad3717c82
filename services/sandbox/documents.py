"""CPF and CNPJ check digits, the sandbox's own reading of them."""

from collections.abc import Callable


def document_is_bad(document: str) -> bool:
    """Say whether a CPF or CNPJ is wrong; an absent one is not, that is another matter."""
    if not document:
        return False
    if len(document) == 11 and document.isdigit():
        return len(set(document)) == 1 or not _checks(document, 9, _cpf_weights)
    if len(document) == 14 and document[12:].isdigit():
        return len(set(document)) == 1 or not _checks(document, 12, _cnpj_weights)
    return True


def _cpf_weights(length: int) -> list[int]:
    return list(range(length + 1, 1, -1))


def _cnpj_weights(length: int) -> list[int]:
    return [2 + (length - 1 - i) % 8 for i in range(length)]


def cpf_of(number: int) -> str:
    """Make a CPF with right check digits; numbers below 10**9 give different ones."""
    digits = f"{number:09d}"
    for length in (9, 10):
        digits += str(_check_digit(digits, _cpf_weights(length)))
    return digits


def _checks(document: str, body: int, weights: Callable[[int], list[int]]) -> bool:
    return all(
        int(document[length]) == _check_digit(document[:length], weights(length))
        for length in (body, body + 1)
    )


def _check_digit(document: str, weights: list[int]) -> int:
    # Letters of the new CNPJs count as their ASCII code less 48, as digits do.
    values = (ord(c) - 48 for c in document)
    rest = sum(v * w for v, w in zip(values, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest
