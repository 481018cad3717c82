"""What an issuer says that cannot be so, as it has to be taken. Pure."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from shared.db.sales.notas_store import KnownNota
from shared.domain.nota import REAL
from shared.issuer.interface import Phase, Snapshot

# No clock is so wrong; an instant so far ahead would be the newest for ever.
TOO_FAR_AHEAD: Final = timedelta(days=40)
MADE_AS_TEST: Final = "O emissor fez esta nota em Homologacao: ela não tem valor fiscal."
_TEST: Final = "homologacao"
_VALID: Final = frozenset({Phase.ISSUED, Phase.CANCEL_REFUSED})


def as_meant(nota: KnownNota, snapshot: Snapshot, now: datetime) -> Snapshot:
    """It without an instant that lies ahead; a real nota that was made as a test is denied."""
    if snapshot.changed_at is not None and snapshot.changed_at - now > TOO_FAR_AHEAD:
        snapshot = replace(snapshot, changed_at=None)
    made_as_test = (snapshot.environment or "").lower() == _TEST
    if made_as_test and nota.environment == REAL and snapshot.phase in _VALID:
        return replace(snapshot, phase=Phase.DENIED, reason=MADE_AS_TEST, number=None)
    return snapshot
