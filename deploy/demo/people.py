"""The customers of the demo: invented people with valid and, on purpose, invalid data."""

from typing import Any, Final, Literal

Buyer = Literal["whole", "no_address", "no_document", "bad_document", "partner"]

PARTNER_CODE: Final = "PARCEIRO-1"
FIRST_NAMES: Final = (
    "Aurélia", "Bento", "Cecília", "Damião", "Eloá", "Firmino", "Graziela", "Horácio", "Iolanda",
    "Jacinto", "Leocádia", "Moacir", "Nair", "Olavo", "Perpétua", "Quirino", "Rosaura",
)  # fmt: skip
LAST_NAMES: Final = (
    "Barbalho", "Cantanhede", "Dornelles", "Evaristo", "Figueiroa", "Guedelha", "Holanda",
    "Itaparica", "Jurema", "Lisboeta", "Mangabeira", "Nepomuceno", "Osterno",
)  # fmt: skip
STREETS: Final = ("Rua das Amostras", "Avenida do Exemplo", "Travessa da Prova")


def a_customer(number: int, buyer: Buyer) -> dict[str, Any]:
    """The n-th customer, as Vindi's sandbox wants one; no two share name and document."""
    first, last = FIRST_NAMES[number % 17], LAST_NAMES[number % 13]
    return {
        "name": f"{first} {last} {_roman(number)}",
        "email": f"cliente{number}@example.org",
        "registry_code": _document(number, buyer),
        "code": PARTNER_CODE if buyer == "partner" else None,
        "address": {} if buyer == "no_address" else an_address(number),
    }


def an_address(number: int) -> dict[str, Any]:
    """A complete address in a city that exists."""
    return {
        "street": STREETS[number % 3], "number": str(1 + number), "additional_details": None,
        "zipcode": "01001000", "neighborhood": "Centro", "city": "São Paulo", "state": "SP",
        "country": "BR",
    }  # fmt: skip


def _document(number: int, buyer: Buyer) -> str | None:
    match buyer:
        case "no_document":
            return None
        case "bad_document":
            return f"{_cpf(number)[:10]}{(int(_cpf(number)[10]) + 1) % 10}"
        case _:
            return _cpf(number)


def _cpf(number: int) -> str:
    """A CPF with valid check digits, made from a number."""
    digits = [int(digit) for digit in f"{529_000_001 + number * 7919:09d}"]
    for length in (9, 10):
        total = sum(d * w for d, w in zip(digits, range(length + 1, 1, -1), strict=True))
        digits.append(0 if total % 11 < 2 else 11 - total % 11)
    return "".join(map(str, digits))


def _roman(number: int) -> str:
    """Tell people of one name apart without digits, which would look like a document."""
    text = ""
    for letters, value in (("C", 100), ("L", 50), ("X", 10), ("V", 5), ("I", 1)):
        times, number = divmod(number, value)
        text += letters * times
    return text or "Filho"
