"""Our id of a nota at the issuer (eNotas: idExterno): the one place that writes it and reads it.

`{h|p}-{tenant}-{bill}-{revision}`, with `{bill}x{part}` for one of several notas of a sale. It is
derived from the sale alone, so that a worker that crashed derives the same again; at most 50
characters of `[A-Za-z0-9_-]` (enotas-api, section 4.1).
"""

import re
from typing import Final

from msgspec import Struct

from shared.domain.ids import BillId, ExternalId, TenantId
from shared.domain.nota import IssuerEnvironment

LARGEST_BILL: Final = 2**63 - 1  # PostgreSQL's bigint
_LETTERS: Final[dict[IssuerEnvironment, str]] = {"Homologacao": "h", "Producao": "p"}
_ENVIRONMENTS: Final = {letter: environment for environment, letter in _LETTERS.items()}
_WRITTEN: Final = re.compile(
    r"([hp])-(t[a-z0-9]{10})-([1-9][0-9]{0,18})(?:x([1-9][0-9]{0,3}))?-([0-9]{1,9})"
)


class NotaKey(Struct, frozen=True, kw_only=True):
    """Which nota an external id is of; part 0 is the whole sale."""

    tenant: TenantId
    environment: IssuerEnvironment
    bill: BillId
    part: int
    revision: int


def external_id(
    *, tenant: TenantId, environment: IssuerEnvironment, bill: BillId, revision: int, part: int = 0
) -> ExternalId:
    """Write the id of a nota."""
    sale = f"{bill}x{part}" if part else f"{bill}"
    return ExternalId(f"{_LETTERS[environment]}-{tenant}-{sale}-{revision}")


def read_external_id(text: object) -> NotaKey | None:
    """Read an id that somebody else told; None for whatever is not one of ours."""
    match = _WRITTEN.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[3]) > LARGEST_BILL:
        return None
    return NotaKey(
        tenant=TenantId(match[2]),
        environment=_ENVIRONMENTS[match[1]],
        bill=BillId(int(match[3])),
        part=int(match[4] or 0),
        revision=int(match[5]),
    )
