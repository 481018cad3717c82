"""What handlers work with: stores, keys, clients. Made once, by whoever starts the process."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.clients import Clients
from shared.commands.closing import VindiTotals
from shared.commands.set_up import SetUp
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.run.waker import Waker


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use; `now` gives the time, aware and in UTC."""

    pool: Pool
    sealer: Sealer
    waker: Waker
    clients: Clients
    set_up: SetUp
    now: Callable[[], datetime]
    reconcile_every: timedelta = timedelta(minutes=5)
    vindi_totals: VindiTotals = field(default_factory=VindiTotals)
