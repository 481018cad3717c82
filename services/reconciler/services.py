"""What handlers work with: stores, keys, clients. Made once, by whoever starts the process."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.config.secret import Secret
from shared.crypto.seal import Sealer
from shared.db.connection import Pool
from shared.db.connections_store import VindiEnvironment
from shared.domain.ids import TenantId
from shared.issuer.interface import Issuer
from shared.set_up import SetUp
from shared.vindi.client import VindiClient
from shared.waker import Waker


class Clients(Protocol):
    """Ways to Vindi and to the issuer with a tenant's own keys."""

    def vindi(
        self, tenant: TenantId, *, environment: VindiEnvironment, api_key: Secret
    ) -> VindiClient:
        """A client that reads one Vindi account within its budget."""

    def issuer(self, *, api_key: Secret, company_id: str) -> Issuer:
        """A client that speaks for one company at the issuer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a handler may use; `now` gives the time, aware and in UTC."""

    pool: Pool
    sealer: Sealer
    waker: Waker
    clients: Clients
    set_up: SetUp
    now: Callable[[], datetime]
