"""The Vindi of the sandbox: all its accounts and keys."""

import secrets
from collections import Counter

from services.sandbox.clock import Clock
from services.sandbox.courier import Courier, Parcel
from services.sandbox.vindi.account import Account, ApiKey
from services.sandbox.vindi.events import EventSender


class VindiWorld:
    """Every account at Vindi. Ids are unique per kind across accounts unless chosen."""

    def __init__(self, clock: Clock, courier: Courier) -> None:
        self.clock = clock
        # Whether answers are dated by that clock, as Vindi's are, or by the real one: whoever moves
        # it by days would be told that both clocks differ, since ours stand still.
        self.dates_by_clock = False
        self.courier = courier
        self.events = EventSender(courier)
        self.accounts: dict[int, Account] = {}
        self.keys: dict[str, tuple[Account, ApiKey]] = {}
        self._last_ids: Counter[str] = Counter()

    def create_account(
        self, *, name: str = "Empresa Exemplo Ltda", registry_code: str = "11222333000181",
        key: str | None = None, role: str = "Administrator",
    ) -> Account:  # fmt: skip
        """Open an account with one private key, `account.keys[0].key`."""
        account = Account(
            account_id=self._next_id("merchants"), name=name, registry_code=registry_code,
            clock=self.clock, next_id=self._next_id, emit=self.events.emit,
        )  # fmt: skip
        self.accounts[account.id] = account
        self.add_key(account, key=key, role=role)
        return account

    def add_key(
        self, account: Account, *, key: str | None = None, role: str = "Administrator",
        public: bool = False, denied: set[str] | None = None,
    ) -> ApiKey:  # fmt: skip
        """Give an account one more key."""
        made = ApiKey(
            key=key or secrets.token_urlsafe(32), role=role, public=public, denied=denied or set()
        )
        account.keys.append(made)
        self.keys[made.key] = (account, made)
        return made

    def register_webhook(self, account: Account, url: str) -> Parcel:
        """Register a webhook, as a person would in the panel; sends the test event."""
        return self.events.register(account, url)

    def reset(self) -> None:
        """Forget everything."""
        self.accounts.clear()
        self.keys.clear()
        self._last_ids.clear()

    def _next_id(self, kind: str) -> int:
        self._last_ids[kind] += 1
        return self._last_ids[kind]
