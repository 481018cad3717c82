"""A month of sales, lived in about a minute: first act, rest, second act, proof."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

from deploy.demo.calls import Calls, calls_to
from deploy.demo.proof import Proof, prove, unfinished
from deploy.demo.stage import Booked, Stage, set_stage
from deploy.demo.stories import Story
from deploy.demo.system import System
from deploy.demo.tenant import Tenant, provision

ZONE: Final = ZoneInfo("America/Sao_Paulo")
ASK_SECONDS: Final = 0.5
FIRST_REST_SECONDS: Final = 75.0
LAST_REST_SECONDS: Final = 45.0
BETWEEN_SALES: Final = 0.04  # a crowd, not an avalanche

Tell = Callable[[str, int, int], None]  # what, how many done, of how many


@dataclass(slots=True, kw_only=True)
class Month:
    """A month under way, with everything needed to look at it from outside."""

    stage: Stage
    tenant: Tenant
    vindi: Calls  # with the tenant's own key
    tell: Tell
    booked: list[Booked] = field(default_factory=list)

    async def live(self, stories: Sequence[Story]) -> list[str]:
        """Let it all happen; what did not come to rest where it should, in words."""
        for number, story in enumerate(stories):
            self.booked.append(await self.stage.let_happen(number, story, tenant=self.tenant.id))
            self.tell("sales happen", number + 1, len(stories))
            await asyncio.sleep(BETWEEN_SALES)
        await self.stage.all_is_heard()
        late = await self._rest("first rest", FIRST_REST_SECONDS, last=False)
        for one in self.booked:
            if one not in late:
                await self._afterwards(one)
        late = await self._rest("last rest", LAST_REST_SECONDS, last=True)
        sales = await self.tenant.sales()
        return [_not_at_rest(one, sales.get(one.bill_id)) for one in late]

    async def proof(self) -> tuple[Proof, list[dict[str, Any]]]:
        """Compare all books; the closings come with it."""
        sales = await self.tenant.sales()
        months = sorted({_local_month(sale) for sale in sales.values()} - {""})
        closings = await self.tenant.closings(months)
        proof = prove(
            bills=await self._bills(),
            sales=sales,
            notas=await self.stage.issuer_notas(),
            invariants=await self.stage.control.get("/invariants"),
            closings=closings,
        )
        return proof, closings

    async def _bills(self) -> dict[int, dict[str, Any]]:
        """Every bill Vindi holds, asked of Vindi itself."""
        found: dict[int, dict[str, Any]] = {}
        page = 1
        while rows := (await self.vindi.get("/bills", per_page=50, page=page))["bills"]:
            found |= {row["id"]: row for row in rows}
            page += 1
        return found

    async def _rest(self, name: str, seconds: float, *, last: bool) -> list[Booked]:
        """Wait until every sale rests where its story says; those that do not in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            late = unfinished(self.booked, await self.tenant.sales(), last=last)
            self.tell(name, len(self.booked) - len(late), len(self.booked))
            if not late or loop.time() > deadline:
                return late
            await asyncio.sleep(ASK_SECONDS)

    async def _afterwards(self, one: Booked) -> None:
        match one.story.afterwards:
            case None:
                pass
            case "refund":
                await self.stage.refund(one)
            case "refund_part":
                await self.stage.refund(one, "10.00")
            case "pay":
                await self.stage.pay(one)
            case "complete_address":
                await self.stage.complete_address(one)
                await self.tenant.ask("retry", one.bill_id, "endereço completado na Vindi")
            case "send_again":
                await self.tenant.ask("retry", one.bill_id, "regra completada")
            case "issue_by_hand":
                await self.tenant.ask("issue", one.bill_id, "consultoria entregue")
            case never:
                assert_never(never)


@asynccontextmanager
async def opened_month(system: System, tell: Tell) -> AsyncIterator[Month]:
    """Open accounts at the sandbox and a tenant of ours, through public interfaces only."""
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(calls_to(system.control))
        api = await stack.enter_async_context(
            calls_to(f"{system.internal}/internal/v1", token=system.token)
        )
        stage = await set_stage(control)
        tenant = await provision(api, stage)
        vindi = await stack.enter_async_context(calls_to(system.vindi, basic=stage.vindi_key))
        yield Month(stage=stage, tenant=tenant, vindi=vindi, tell=tell)


def _local_month(sale: dict[str, Any]) -> str:
    """The month of a sale's moment at the tenant; empty while it has none."""
    if sale["moment_at"] is None:
        return ""
    return f"{datetime.fromisoformat(sale['moment_at']).astimezone(ZONE):%Y-%m}"


def _not_at_rest(one: Booked, sale: dict[str, Any] | None) -> str:
    wanted = one.story.last
    found = "missing" if sale is None else f"{sale['status']}/{sale['code']}"
    return f"sale {one.bill_id} ({one.story.title}) is {found}, not {wanted.status}/{wanted.code}"
