"""How counts and instants are said in Portuguese. Pure."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo


def days(number: int) -> str:
    """`1 dia`, `7 dias`."""
    return counted(number, "dia", "dias")


def notas(number: int) -> str:
    """`1 nota`, `7 notas`."""
    return counted(number, "nota", "notas")


def counted(number: int, one: str, many: str) -> str:
    """A number with its word in the right form."""
    return f"{number} {one if number == 1 else many}"


def moment(instant: datetime, zone: ZoneInfo) -> str:
    """`29/11/2026 às 02:46`, in the tenant's zone."""
    return f"{instant.astimezone(zone):%d/%m/%Y às %H:%M}"


def reais(amount: int) -> str:
    """`R$ 1.234,56`."""
    sign, whole = ("-" if amount < 0 else ""), abs(amount)
    grouped = f"{whole // 100:,}".replace(",", ".")
    return f"{sign}R$ {grouped},{whole % 100:02d}"


def day(on: date) -> str:
    """`29/11/2026`."""
    return f"{on:%d/%m/%Y}"


_MONTHS: Final = (
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
)


def month(on: date) -> str:
    """`novembro de 2026`."""
    return f"{_MONTHS.split()[on.month - 1]} de {on.year}"


def changed(what: str, old: str, new: str) -> str:
    """`valor: R$ 100,00 → R$ 90,00`."""
    return f"{what}: {old} → {new}"


CUSTOMER: Final = "cliente da Vindi"


def passed(old: int, new: int) -> str:
    """`cliente da Vindi: nº 901 → nº 902`: how a sale's history tells of another customer."""
    return changed(CUSTOMER, f"nº {old}", f"nº {new}")


def passed_pattern(customers: Iterable[int]) -> str:
    """A pattern, PostgreSQL's or Python's, for `passed` from or to one of these customers."""
    numbers = "|".join(str(number) for number in sorted(customers))
    return f"{CUSTOMER}: (nº [0-9]+ → )?nº ({numbers})(?![0-9])"
