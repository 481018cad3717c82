"""Money, dates and counts as Brazilians write them (Babel, pt_BR)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_compact_decimal, format_currency, format_decimal, format_percent

LOCALE: Final = "pt_BR"
BRASILIA: Final = ZoneInfo("America/Sao_Paulo")


@lru_cache(maxsize=8192)
def money(cents: int) -> str:
    """`R$ 1.234,56`; the space does not break. Babel takes a tenth of a millisecond for each."""
    return format_currency(cents / 100, "BRL", locale=LOCALE)


def plain_money(cents: int) -> str:
    """`1234,56`, as a field holds it."""
    return f"{cents // 100},{cents % 100:02d}"


@lru_cache(maxsize=8192)
def number(value: float) -> str:
    """`1.234`."""
    return format_decimal(value, locale=LOCALE)


def short_number(value: int) -> str:
    """`1,2 mil`."""
    if abs(value) < 10_000:
        return number(value)
    return format_compact_decimal(value, locale=LOCALE, fraction_digits=1)


def percent(value: float) -> str:
    """`12%`."""
    return format_percent(value, locale=LOCALE)


def counted(value: int, one: str, many: str) -> str:
    """`1 venda`, `1.234 vendas`."""
    return f"{number(value)} {one if value == 1 else many}"


def day(on: date) -> str:
    """`29/11/2026`."""
    return f"{on:%d/%m/%Y}"


def short_day(on: date) -> str:
    """`29/11`."""
    return f"{on:%d/%m}"


def month(on: date) -> str:
    """`novembro de 2026`."""
    return format_date(on, "MMMM 'de' yyyy", locale=LOCALE)


def span(length: timedelta) -> str:
    """`menos de 1 minuto`, `12 minutos`, `3 horas`, `2 dias`."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return "menos de 1 minuto"
    if minutes < 120:
        return counted(minutes, "minuto", "minutos")
    if minutes < 48 * 60:
        return counted(minutes // 60, "hora", "horas")
    return counted(minutes // (24 * 60), "dia", "dias")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSaid:
    """An instant for a person (`hoje às 14:32`), for the pointer, and for machines."""

    human: str
    exact: str
    iso: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time as a page was made, in the tenant's zone."""

    now: datetime
    zone: ZoneInfo = BRASILIA

    def when(self, at: datetime) -> TimeSaid:
        """`hoje às 14:32`, `ontem às 08:00`, `amanhã às 00:00`, `29/11/2026 às 14:32`."""
        local = at.astimezone(self.zone)
        return TimeSaid(
            human=f"{self._day(local.date())} às {local:%H:%M}",
            exact=f"{local:%d/%m/%Y %H:%M:%S} GMT{local:%z}",
            iso=at.astimezone(UTC).isoformat(),
        )

    def exactly(self, at: datetime) -> str:
        """`29/11/2026 às 14:32`, whenever it is read."""
        return f"{at.astimezone(self.zone):%d/%m/%Y às %H:%M}"

    def on(self, at: datetime) -> TimeSaid:
        """The day alone: `hoje`, `29/11/2026`."""
        local = at.astimezone(self.zone)
        whole = self.when(at)
        return TimeSaid(human=self._day(local.date()), exact=whole.exact, iso=whole.iso)

    @property
    def today(self) -> date:
        """The day it is where the tenant is."""
        return self.now.astimezone(self.zone).date()

    def _day(self, on: date) -> str:
        away = (on - self.today).days
        return {-1: "ontem", 0: "hoje", 1: "amanhã"}.get(away, day(on))
