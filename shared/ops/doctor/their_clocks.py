"""Whether this machine's clock is that of Vindi and eNotas.

On one machine the database's clock is ours, so that nothing else would notice an hour that is
missing: what is due, how long a token lasts, which day a sale without a date of its own has.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import ClientError, ClientTimeout

from shared.config.env import Env
from shared.config.settings import read_issuer, read_vindi
from shared.net.http import open_session, server_time
from shared.ops.doctor.machine import CLOCK_WRONG
from shared.ops.doctor.report import HowItIs, Observation

ANSWER_SECONDS: Final = 10.0
# A `Date` has whole seconds, and stands still on its way to us.
NEAR: Final = timedelta(seconds=5)
MEND: Final = "let NTP set this machine's (timedatectl set-ntp true)"


async def their_clocks(env: Mapping[str, str]) -> AsyncIterator[Observation]:
    """Ask each without a key; whoever gives no answer is told of among the certificates."""
    var = Env(values=env)
    urls = {"Vindi": read_vindi(var).url_production, "eNotas": read_issuer(var).enotas_url}
    if var.problems:
        return  # told among the settings
    for whose, url in urls.items():
        off = await _off(url)
        if off is not None:
            yield apart(whose, off)


def apart(whose: str, off: timedelta) -> Observation:
    """What is said of a clock by how far ours is from theirs."""
    words = f"{abs(off).total_seconds():.0f} s from {whose}'s"
    if abs(off) <= NEAR:
        return Observation(about="clock", state="ok", words=words)
    ahead = "ahead" if off > timedelta() else "behind"
    state: HowItIs = "look" if abs(off) < CLOCK_WRONG else "wrong"
    return Observation(about="clock", state=state, words=f"{words} ({ahead}): {MEND}")


async def _off(url: str) -> timedelta | None:
    """How far ours is ahead of theirs, by the middle of a request; None where nobody says it."""
    timeout = ClientTimeout(total=ANSWER_SECONDS)
    asked = datetime.now(UTC)
    try:
        async with (
            open_session() as session,
            session.get(url, timeout=timeout, allow_redirects=False) as answer,
        ):
            said = server_time(answer.headers)
    except (ClientError, OSError, TimeoutError):
        return None
    heard = datetime.now(UTC)
    return None if said is None else asked + (heard - asked) / 2 - said
