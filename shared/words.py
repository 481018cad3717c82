"""Words that forms of the panel and calls of the internal API share, refused alike by both."""

from datetime import UTC, date, datetime
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, PlainSerializer, StringConstraints, WithJsonSchema

ZONES: Final = frozenset(available_timezones()) - {"localtime", "Factory"}
_CONTROL: Final = r"\x00-\x1f\x7f-\x9f"


def _zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError("an IANA time zone such as America/Sao_Paulo")
    return name


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=200,
        pattern=rf"^[^{_CONTROL}]*[^\s{_CONTROL}][^{_CONTROL}]*$",
    ),
]
Reason = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$"
    ),
]
Timezone = Annotated[
    str, AfterValidator(_zone), WithJsonSchema({"type": "string", "enum": sorted(ZONES)})
]
ApiKey = Annotated[
    str,
    StringConstraints(min_length=8, max_length=300, pattern=r"^[\x21-\x7e]+$"),
    Field(repr=False),
]
Confirm = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=60, pattern=r"^[a-z0-9_]+$")], ...],
    Field(max_length=20, description="Codes of warnings that were read and accepted."),
]
CompanyId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,64}$")]
HookAddress = Annotated[
    str, StringConstraints(min_length=8, max_length=2000, pattern=r"^[\x21-\x7e]+$")
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z0-9_]+$")]
# Far enough for every bill, near enough for every zone's arithmetic.
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
Instant = Annotated[
    datetime,
    PlainSerializer(_utc, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
Money = Annotated[str, Field(pattern=r"^-?\d+\.\d\d$", description="Reais.")]
Limit = Annotated[int, Field(ge=1, le=200)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def plain_number(text: str, most: int) -> int | None:
    """A number from 1 to `most`, in plain digits; None for anything else."""
    plain = text.isascii() and text.isdigit() and len(text) <= 19
    return int(text) if plain and 0 < int(text) <= most else None
