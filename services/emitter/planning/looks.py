"""When each nota is looked at again whatever else happens (the table in `docs/emitter.md`). Pure.

Looks grow rarer from the last that was known to happen to a nota: that it was sent, that it moved,
that there was news of it. After news they begin within seconds, whatever the issuer shows then.
"""

from datetime import datetime, timedelta
from typing import Final

from services.emitter.planning.waits import (
    NEWS_AGES,
    is_stuck,
    next_poll,
    poll_after_news,
    poll_at_rest,
)
from shared.db.sales.notas_store import KnownNota
from shared.domain.nota import NEVER_ARRIVED, NotaStatus
from shared.domain.part_states import FOLLOWED

ASK_AGAIN: Final = timedelta(seconds=2)  # the issuer's instants have whole seconds
RARELY: Final = timedelta(seconds=30)  # between two looks at what is said again and again
AHEAD: Final = timedelta(minutes=2)  # an instant further ahead of our clock says nothing
NEWS_LAST: Final = timedelta(minutes=2)  # that a look-up is worth more than its turn
# How long news of what rests is asked about: the last looks are after 40 minutes and after one.
# Of what is valid and lacks nothing most news is old: it came twice, or after a look of ours.
AT_REST: Final = timedelta(hours=1)
WHOLE: Final = timedelta(seconds=90)


def since(nota: KnownNota, now: datetime) -> datetime:
    """When a nota, or its cancelling, was asked for."""
    cancelling = nota.status is NotaStatus.CANCELLING
    return (nota.cancel_sent_at or nota.changed_at if cancelling else nota.sent_at) or now


def next_look(nota: KnownNota, now: datetime) -> datetime | None:
    """When a nota is to be looked at again whatever else happens; None when it rests."""
    match nota.status:
        case NotaStatus.SENDING | NotaStatus.UNCERTAIN:
            return _look_up_at(nota, now)
        case NotaStatus.PENDING | NotaStatus.CANCELLING:
            return polled_at(nota, now)
        case NotaStatus.DENIED:
            return sooner(nota.resend_at, news_look(nota, now))
        case NotaStatus.ISSUED if nota.then_cancel is not None:
            return now  # it became unwanted on the way: decide about cancelling it
        case NotaStatus.ISSUED if awaits_pdf(nota, now):
            return polled_at(nota, now)
        case NotaStatus.CANCEL_REFUSED:
            return sooner(nota.cancel_again_at, news_look(nota, now))
        case _:
            return news_look(nota, now)


def news_look(nota: KnownNota, now: datetime) -> datetime | None:
    """When a nota at rest is looked at again for news of it that nothing explained yet.

    None where there was none, and once the last of these looks is done.
    """
    if nota.news_at is None or not asks_why(nota, now):
        return None
    return poll_at_rest(nota.news_at, now, _asked_for(nota))


def asks_why(nota: KnownNota, now: datetime) -> bool:
    """Say whether there was news of a nota at rest that a look may explain yet."""
    if nota.news_at is None or nota.status in FOLLOWED or _is_over(nota):
        return False
    return -AHEAD < now - nota.news_at <= _asked_for(nota)


def just_looked_at(nota: KnownNota, now: datetime) -> bool:
    """Say whether its news was looked up so lately that the next look is not due in any case."""
    return nota.news_at is not None and now - nota.news_at < NEWS_AGES[0]


def _is_over(nota: KnownNota) -> bool:
    """Whether no news of it matters any more: what was cancelled never comes back."""
    return nota.status is NotaStatus.CANCELLED and nota.raw_status != NEVER_ARRIVED


def _asked_for(nota: KnownNota) -> timedelta:
    return WHOLE if nota.status is NotaStatus.ISSUED and nota.has_pdf else AT_REST


def sooner(*looks: datetime | None) -> datetime | None:
    """The first of these looks; None where there is none."""
    return min((look for look in looks if look is not None), default=None)


def awaits_pdf(nota: KnownNota, now: datetime) -> bool:
    """Say whether the PDF of a valid nota is still being made; one that a person stated has none.

    After two days nobody makes it any more.
    """
    lacks = nota.status is NotaStatus.ISSUED and not nota.has_pdf and not nota.stated
    return lacks and nota.sent_at is not None and not is_stuck(nota.sent_at, now)


def polled_at(nota: KnownNota, now: datetime) -> datetime:
    """When a nota that the issuer has is asked about, if nothing is heard of it before."""
    moved = [since(nota, now)]
    if nota.changed_at is not None and nota.changed_at - now < AHEAD:
        moved.append(min(nota.changed_at, now))
    polls: list[datetime] = [next_poll(max(moved), now)]
    if nota.news_at is not None and nota.news_at <= now:
        polls.append(poll_after_news(nota.news_at, now))
    return min(polls)


def said_again_at(nota: KnownNota, now: datetime) -> datetime:
    """When to ask again after a word that is no newer than what is kept: soon, then more rarely."""
    return now + min(max(ASK_AGAIN, tied_for(nota, now)), RARELY)


def tied_for(nota: KnownNota, now: datetime) -> timedelta:
    """How long the issuer has been saying what is no newer than what is kept."""
    if nota.tied is None or nota.tied_at is None:
        return timedelta()
    return max(now - nota.tied_at, timedelta())


def is_news(nota: KnownNota, now: datetime) -> bool:
    """Say whether there was news of a nota lately that was not shown yet."""
    return nota.news_at is not None and timedelta() <= now - nota.news_at < NEWS_LAST


def _look_up_at(nota: KnownNota, now: datetime) -> datetime:
    at = nota.look_up_at or now
    if nota.news_at is None or not is_news(nota, now):
        return at
    return min(at, poll_after_news(nota.news_at, now))
