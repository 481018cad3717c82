"""Vindi's times and money as texts. Instants are whole milliseconds, money is centavos."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

BRASILIA = ZoneInfo("America/Sao_Paulo")


def text_of(instant_ms: int | None, *, fresh: bool = False) -> str | None:
    """Write an instant; its milliseconds show only straight after a write."""
    if instant_ms is None:
        return None
    head, offset = _parts(instant_ms // 1000)
    return f"{head}.{instant_ms % 1000 if fresh else 0:03d}{offset}"


@lru_cache(maxsize=65536)
def _parts(second: int) -> tuple[str, str]:
    local = datetime.fromtimestamp(second, tz=BRASILIA)
    text = local.isoformat(timespec="seconds")
    return text[:19], text[19:]


def read_instant(value: str | float) -> int:
    """Read an instant: Unix seconds, an ISO time, or a day (its first moment in Brasília)."""
    if isinstance(value, int | float):
        return round(value * 1000)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=BRASILIA)
    return round(moment.timestamp() * 1000)


def local_day(instant_ms: int) -> date:
    """Tell the calendar day in Brasília."""
    return datetime.fromtimestamp(instant_ms / 1000, tz=BRASILIA).date()


def start_of(day: date, zone: ZoneInfo = BRASILIA) -> int:
    """Give the first moment of a day."""
    return round(datetime.combine(day, time(), tzinfo=zone).timestamp() * 1000)


def end_of(day: date, zone: ZoneInfo = BRASILIA) -> int:
    """Give the last second of a day, as Vindi writes due dates."""
    return start_of(day + timedelta(days=1), zone) - 1000


def money(cents: int) -> str:
    """Write money as Vindi does: no trailing zero beyond one decimal."""
    sign, whole, part = "-" if cents < 0 else "", abs(cents) // 100, abs(cents) % 100
    tail = f"{part:02d}"
    return f"{sign}{whole}.{tail[0] if tail[1] == '0' else tail}"


def read_money(value: str | float) -> int:
    """Read reais, as text or number, into centavos; raises ValueError."""
    try:
        return int((Decimal(str(value)) * 100).to_integral_value())
    except InvalidOperation as error:
        raise ValueError(f"not money: {value}") from error
