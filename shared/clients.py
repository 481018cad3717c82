"""Makes each tenant's clients of Vindi and of its issuer, over shared sessions and limits."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from aiohttp import ClientSession

from shared.config.secret import Secret
from shared.config.settings import IssuerSettings, ProcessSettings, VindiSettings
from shared.db.tenants.connections_store import IssuerConnection, VindiConnection, VindiEnvironment
from shared.domain.errors import TenantBlockedError, TransientError
from shared.domain.ids import TenantId
from shared.issuer.enotas.client import EnotasIssuer
from shared.issuer.interface import Issuer
from shared.issuer.limits import Limits
from shared.net.heard_clock import HeardClock
from shared.net.http import open_session
from shared.net.redis import redis_client
from shared.run.fair_line import FairLine, OwnLine
from shared.run.second_look import SecondLook
from shared.vindi.budget import AccountKey, Budget, BudgetShare, Headroom
from shared.vindi.bulk import Bulk
from shared.vindi.client import VindiClient

VINDI_PATIENCE = timedelta(seconds=2)  # how long a read may wait for its turn, lease in hand


class Clients:
    """Hands out clients; they are light, and share what must be shared."""

    def __init__(
        self,
        session: ClientSession,
        *,
        budget: Budget,
        limits: Limits,
        vindi: VindiSettings,
        issuer: IssuerSettings,
    ) -> None:
        """Made by `open_clients`."""
        self.bulk = Bulk()
        self.second_look = SecondLook()
        self._session = session
        self._budget = budget
        self._limits = limits
        self._vindi = vindi
        self._issuer = issuer
        self._slots: dict[str, FairLine] = {}
        self._accounts: dict[TenantId, AccountKey] = {}
        self.vindi_clocks: Final = defaultdict[VindiEnvironment, HeardClock](HeardClock)

    @property
    def lookup_waits(self) -> Sequence[timedelta]:
        """The pauses between look-ups after a lost answer."""
        return self._issuer.lookup_waits

    @property
    def issuer_pace(self) -> float:
        """The most requests a second that one issuer key takes."""
        return self._issuer.requests_per_second

    @property
    def issuer_parallel(self) -> int:
        """How many requests may be under way for one issuer key, in this process."""
        return self._issuer.parallel

    def vindi(
        self, tenant: TenantId, connection: VindiConnection, share: BudgetShare
    ) -> VindiClient:
        """A tenant's Vindi account, in the share of the work at hand."""
        client = self.vindi_account(
            tenant,
            environment=connection.environment,
            api_key=connection.api_key,
            share=share,
            merchant_id=connection.merchant_id,
        )
        self._accounts[tenant] = client.account
        return client

    def vindi_pressed(self, tenant: TenantId) -> bool:
        """Whether a tenant's account was used so much lately that its pages should be full."""
        account = self._accounts.get(tenant)
        return account is not None and self._budget.pressed(account)

    def vindi_lists(self, tenant: TenantId) -> bool:
        """Whether a tenant's account answers lists of bills by their ids, as far as is known."""
        account = self._accounts.get(tenant)
        return account is None or self.bulk.honours_lists(account)

    async def vindi_room(self, tenant: TenantId, share: BudgetShare) -> Headroom | None:
        """What a share may ask of a tenant's account now; None where that is not known."""
        account = self._accounts.get(tenant)
        return None if account is None else await self._budget.look(account, share)

    def vindi_account(
        self,
        tenant: TenantId,
        *,
        environment: VindiEnvironment,
        api_key: Secret,
        share: BudgetShare,
        patience: timedelta = VINDI_PATIENCE,
        merchant_id: int | None = None,
    ) -> VindiClient:
        """A Vindi account that is not stored yet: a key to be checked first.

        An account has one budget, whichever tenants read it; of one whose merchant is not known
        yet the tenant stands for it.
        """
        urls = {
            "production": self._vindi.url_production,
            "sandbox": self._vindi.url_sandbox,
        }
        return VindiClient(
            self._session,
            base_url=urls[environment],
            api_key=api_key.reveal(),
            account=AccountKey(f"{merchant_id or tenant}:{environment}"),
            budget=self._budget,
            share=share,
            timeout=self._vindi.timeout,
            patience=patience,
        )

    def issuer(self, connection: IssuerConnection) -> Issuer:
        """A tenant's company at its issuer."""
        return self.issuer_company(
            api_key=connection.api_key,
            company_id=connection.company_id,
            key_word=connection.key_word,
        )

    def issuer_company(self, *, api_key: Secret, company_id: str, key_word: str) -> Issuer:
        """A company that is not stored yet: a key to be checked first.

        `key_word` is what `connections_store.issuer_key_word` makes of the key.
        """
        return EnotasIssuer(
            self._session,
            base_url=self._issuer.enotas_url,
            api_key=api_key.reveal(),
            company_id=company_id,
            limits=self._limits,
            limit_key=key_word,
            timeout=self._issuer.timeout,
        )

    async def believe_vindi(self, client: VindiClient) -> TenantBlockedError | TransientError:
        """What a refusal by this account means, after a second look at all that is read of it."""
        return await self.second_look.judge(f"vindi:{client.account}", client.prove_key)

    async def believe_issuer(
        self, connection: IssuerConnection, issuer: Issuer
    ) -> TenantBlockedError | TransientError:
        """What a refusal by this issuer means, after a second look at the company."""
        word = f"issuer:{connection.key_word}:{connection.company_id}"
        return await self.second_look.judge(word, issuer.check_connection)

    def issuer_pressed(self, connection: IssuerConnection | None) -> bool:
        """Whether another process has more to issue with this key than may leave at once."""
        return connection is not None and self._limits.pressed_elsewhere(connection.key_word)

    def slots(
        self,
        connection: IssuerConnection | None,
        *,
        for_backfill: bool = False,
        to_follow: bool = False,
    ) -> OwnLine:
        """How many requests may be under way for one issuer key, in this process.

        Companies of one key take turns before them.
        `for_backfill`: how many of past sales may wait for those at once; `to_follow`: how many
        questions about what was sent, which is half of them.
        """
        whose = "backfill:" if for_backfill else "follow:" if to_follow else ""
        word = f"{whose}{connection.key_word if connection else ''}"
        if word not in self._slots:
            parallel = self._issuer.parallel
            self._slots[word] = FairLine(max(1, parallel // 2) if to_follow else parallel)
        return self._slots[word].of(connection.company_id if connection else "")


@asynccontextmanager
async def open_clients(
    process: ProcessSettings, vindi: VindiSettings, issuer: IssuerSettings
) -> AsyncIterator[Clients]:
    """Clients for as long as the block runs; neither Redis nor any API need be there."""
    redis = redis_client(process.redis_url.reveal())
    async with redis, open_session(connections=0) as session:
        yield Clients(
            session,
            budget=Budget(
                redis, per_window=vindi.requests_per_minute, leave_percent=vindi.leave_percent
            ),
            limits=Limits(redis, parallel=issuer.parallel, per_second=issuer.requests_per_second),
            vindi=vindi,
            issuer=issuer,
        )
