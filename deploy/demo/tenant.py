"""The tenant's side: everything through the internal API, as a person with curl would."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.demo.calls import Calls
from deploy.demo.stage import Stage
from deploy.demo.stories import RULE

LOOK_SECONDS: Final = 1.0
MOST_LOOKS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A tenant of ours, seen through the internal API."""

    api: Calls  # below /internal/v1
    id: str
    invitation: str  # where its owner makes an account, below the panel; for once

    async def sales(self) -> dict[int, dict[str, Any]]:
        """Every sale by its bill, as the API lists it."""
        found: dict[int, dict[str, Any]] = {}
        cursor = None
        while True:
            page = await self.api.get(f"{self._path}/sales", limit=200, cursor=cursor)
            found |= {sale["bill_id"]: sale for sale in page["items"]}
            cursor = page["next"]
            if cursor is None:
                return found

    async def ask(self, action: str, bill_id: int, reason: str) -> None:
        """Ask for `retry`, `issue` and so on for one sale."""
        await self.api.post(f"{self._path}/sales/{bill_id}/{action}", reason=reason)

    async def closings(self, months: Sequence[str]) -> list[dict[str, Any]]:
        """The closing of each month, once the issuer's list is as new as the month."""
        return [await self._closing(month) for month in months]

    async def _closing(self, month: str) -> dict[str, Any]:
        for _ in range(MOST_LOOKS):
            closing: dict[str, Any] = await self.api.get(f"{self._path}/closing", month=month)
            if all(one["code"] != "issuer_list_stale" for one in closing["warnings"]):
                break
            await asyncio.sleep(LOOK_SECONDS)
        return closing

    @property
    def _path(self) -> str:
        return f"/tenants/{self.id}"


async def provision(api: Calls, stage: Stage) -> Tenant:
    """Add a tenant, connect both accounts, put the rule in force, activate."""
    made = await api.post("/tenants", name="Estúdio Exemplo", plan="pro")
    path = f"/tenants/{made['id']}"
    vindi = await api.put(f"{path}/vindi", api_key=stage.vindi_key, environment="production")
    issuer = await api.put(
        f"{path}/issuer",
        kind="enotas",
        api_key=stage.enotas_key,
        company_id=stage.company_id,
        environment="Producao",
    )
    await api.put(f"{path}/rule", **RULE)
    # Four weeks of payments become known in a minute here, which a brake would take for a mistake.
    await api.put(f"{path}/limits", old_days=None)
    await stage.hear_at(vindi["webhook_url"], issuer["status_webhook_url"])
    await api.post(f"{path}/activate")
    invited = await api.post(f"{path}/invitations", role="owner")
    return Tenant(api=api, id=made["id"], invitation=invited["path"])
