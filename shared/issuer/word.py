"""Whether what the issuer says of a nota is newer than what we know of it. Pure.

The issuer's own clock decides (`dataUltimaAlteracao`, whole seconds): older news never wins, equal
instants are settled by asking again. Answers come late, twice, in the other order, and from copies
that lag behind. But that clock may step back. So an end that nothing comes after, a cancellation
above all, is believed though it bears an older instant, once it was said twice; any other word once
it was said again and again for longer than copies lag. Nothing is left to the clocks for ever.
"""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.issuer.interface import Phase, Snapshot

# A denial cannot bear an instant that far before its request left, whatever both clocks say.
CLOCKS_DIFFER: Final = timedelta(minutes=2)
SAME_MOMENT: Final = timedelta(seconds=5)
# What is said for so long, time after time, is no copy that lags behind: it is how things are.
SETTLED: Final = timedelta(minutes=2)

Ended = Literal["by_issuer", "never_arrived", "stated"]
_IN_DOUBT: Final = frozenset({NotaStatus.SENDING, NotaStatus.UNCERTAIN})
_STANDS: Final = frozenset({NotaStatus.ISSUED, NotaStatus.CANCELLING, NotaStatus.CANCEL_REFUSED})
_UNDER_WAY: Final = _IN_DOUBT | {NotaStatus.PENDING}
_BEFORE_IT_STOOD: Final = frozenset({NotaStatus.PENDING, NotaStatus.DENIED})


class Ours(Struct, frozen=True, kw_only=True):
    """What our row says of a nota.

    `resent_at` is when a denied one was sent again, `tied` the status the issuer told last time
    for an instant no newer than ours, and `tied_for` how long it has been telling such; `ended` how
    a cancelled one came to be so.
    """

    status: NotaStatus
    changed_at: datetime | None
    resent_at: datetime | None = None
    wants_cancel: bool = False
    tied: str | None = None
    tied_for: timedelta = timedelta()
    ended: Ended | None = None


class Believed(Struct, frozen=True, kw_only=True):
    """It is where the issuer says: our row's status from now on.

    `older`: though it bears an instant before ours. Ours is kept all the same ("kept"), so that
    nothing of before it counts as newer; or theirs takes its place ("taken"), where that was said
    for so long that the clock must have been set back, and what it says next is to count.
    """

    status: NotaStatus
    older: Literal["kept", "taken"] | None = None


class Stale(Struct, frozen=True, kw_only=True):
    """Older than what we know: nothing moves, the issuer is asked again later."""


class Tied(Struct, frozen=True, kw_only=True):
    """Not newer than what we know, and different: asked again soon; what is said again counts.

    How often it has to be said again, and for how long, `judge` knows.
    """

    raw_status: str


def judge(ours: Ours, said: Snapshot) -> Believed | Stale | Tied:
    """Say what a snapshot changes in our row."""
    status = status_after(ours, said.phase)
    if ours.ended in ("by_issuer", "stated"):  # a cancelled nota never comes back (6.3)
        return Believed(status=status) if status is ours.status else Stale()
    if ours.ended == NEVER_ARRIVED:  # we know nothing of it: whatever is said is newer
        return Stale() if _is_older_denial(ours, said) else Believed(status=status)
    if _is_known_denial(ours, said):
        return Stale()
    if _is_denial_of_before(ours, said):
        return _settled(ours, said, status)
    if ours.changed_at is None or said.changed_at is None:
        return Believed(status=status)
    if said.changed_at < ours.changed_at:
        return _older(ours, said, status)
    if said.changed_at > ours.changed_at or status is ours.status:
        return Believed(status=status)
    if _goes_on(ours, status) or ours.tied == said.raw_status:
        return Believed(status=status)
    return Tied(raw_status=said.raw_status)


def _older(ours: Ours, said: Snapshot, status: NotaStatus) -> Believed | Stale | Tied:
    """What bears an instant before ours: from before, or from a clock that was set back since."""
    if status is ours.status or (ours.status in _STANDS and status in _BEFORE_IT_STOOD):
        return Stale()  # what stands was under way once, and copies of then prove nothing
    if not _only_after(ours.status, status):
        return _settled(ours, said, status)
    if ours.tied == said.raw_status:
        return Believed(status=status, older="kept")
    return Tied(raw_status=said.raw_status)


def _settled(ours: Ours, said: Snapshot, status: NotaStatus) -> Believed | Tied:
    """What may be from before: believed once such was said for long, and it itself twice."""
    if ours.tied == said.raw_status and ours.tied_for >= SETTLED:
        return Believed(status=status, older="taken")
    return Tied(raw_status=said.raw_status)


def _only_after(ours: NotaStatus, status: NotaStatus) -> bool:
    """Whether a nota can be there only after it was where we know it."""
    if status is NotaStatus.CANCELLED:  # it never comes back (6.3)
        return ours in _STANDS or ours in _UNDER_WAY
    return status is NotaStatus.ISSUED and ours in _UNDER_WAY


def status_after(ours: Ours, phase: Phase) -> NotaStatus:
    """Our word for a phase, given what we wait for."""
    match phase:
        case Phase.UNKNOWN_STATUS:
            # A word we do not know moves nothing, but it proves that the issuer has the nota.
            proves = ours.status in _IN_DOUBT or ours.ended == NEVER_ARRIVED
            return NotaStatus.PENDING if proves else ours.status
        case Phase.ISSUED if ours.status is NotaStatus.CANCELLING and ours.wants_cancel:
            return NotaStatus.CANCELLING  # the wish was taken, the city has not heard of it yet
        case Phase.ISSUED if ours.status is NotaStatus.CANCEL_REFUSED:
            return NotaStatus.CANCEL_REFUSED
        case Phase.CANCEL_REFUSED if not ours.wants_cancel:
            return NotaStatus.ISSUED  # somebody else asked; it is valid, and nobody here waits
        case _:
            return NotaStatus(phase.value)


def _goes_on(ours: Ours, status: NotaStatus) -> bool:
    """Whether this can only come after what we know, however little time there was between."""
    if ours.status is NotaStatus.CANCELLING:
        return status is NotaStatus.CANCELLED
    return ours.status in _UNDER_WAY and ours.resent_at is None


def _is_resent(ours: Ours, said: Snapshot) -> bool:
    """Whether this is a denial, and we have sent the nota again since one."""
    resent = ours.resent_at is not None and ours.status in _UNDER_WAY
    return resent and said.phase is Phase.DENIED


def _is_known_denial(ours: Ours, said: Snapshot) -> bool:
    """Whether this is the very denial after which the nota was sent again: it says nothing new."""
    if not _is_resent(ours, said) or ours.changed_at is None or ours.resent_at is None:
        return False
    return said.changed_at == ours.changed_at and ours.resent_at - ours.changed_at > SAME_MOMENT


def _is_older_denial(ours: Ours, said: Snapshot) -> bool:
    """Whether this is but the denial after which it was sent again, and never arrived."""
    if ours.resent_at is None or said.phase is not Phase.DENIED:
        return False
    if ours.changed_at is None or said.changed_at is None:
        return False
    return said.changed_at <= ours.changed_at


def _is_denial_of_before(ours: Ours, said: Snapshot) -> bool:
    """Whether this bears an instant long before the nota was sent again, and we have none."""
    if not _is_resent(ours, said) or said.changed_at is None or ours.resent_at is None:
        return False
    return ours.changed_at is None and said.changed_at < ours.resent_at - CLOCKS_DIFFER
