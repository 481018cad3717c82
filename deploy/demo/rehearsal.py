"""A tenant that begins in the issuer's test environment, as the README advises, and goes live."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.demo.calls import Calls, calls_to
from deploy.demo.people import a_customer
from deploy.demo.proof import VALID
from deploy.demo.stage import PROGRESS
from deploy.demo.stories import PLAN, RULE
from deploy.demo.system import System

SALES: Final = 4
LEFT_OUT: Final = 1  # of them, issued otherwise: a person cancels it
ASK_SECONDS: Final = 0.5
REST_SECONDS: Final = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What became of it: a line to print, and in words what is not as it should be."""

    told: str
    problems: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _School:
    api: Calls
    control: Calls
    path: str  # of the tenant
    account: str  # at the stand-in for Vindi
    company: dict[str, Any]
    key: str

    async def issue_in(self, environment: str) -> list[str]:
        """Connect the company in an environment; the codes of what is told about it."""
        answer = await self.api.put(
            f"{self.path}/issuer",
            kind="enotas",
            api_key=self.key,
            company_id=self.company["id"],
            environment=environment,
        )
        return [warning["code"] for warning in answer["warnings"]]

    async def sell(self, product: int) -> None:
        for number in range(SALES):
            customer = await self.control.post(
                f"{self.account}/create_customer", **a_customer(number, "whole")
            )
            await self.control.post(
                f"{self.account}/sale",
                customer_id=customer["id"],
                paid=True,
                lines=[{"amount": "179.90", "product_id": product}],
            )

    async def sales(self) -> dict[int, str]:
        page = await self.api.get(f"{self.path}/sales", limit=200)
        return {sale["bill_id"]: sale["status"] for sale in page["items"]}

    async def rest(self, wanted: Counter[str]) -> dict[int, str]:
        """The sales once so many have each status, or as they are when it takes too long."""
        deadline = asyncio.get_running_loop().time() + REST_SECONDS
        while True:
            found = await self.sales()
            if Counter(found.values()) == wanted or asyncio.get_running_loop().time() > deadline:
                return found
            await asyncio.sleep(ASK_SECONDS)

    async def valid(self) -> Counter[str]:
        """How many notas stand at the issuer, by the letter of their environment."""
        notas = await self.control.get(
            f"/enotas/companies/{self.company['id']}/notas", last=1_000_000
        )
        return Counter(nota["idExterno"][0] for nota in notas if nota["status"] in VALID)


async def rehearse(system: System) -> Rehearsed:
    """Issue some sales as tests, go live, and let a person say which of them are owed."""
    async with (
        calls_to(system.control) as control,
        calls_to(f"{system.internal}/internal/v1", token=system.token) as api,
    ):
        school = await _open_school(api, control)
        tested = await school.rest(Counter(issued=SALES))
        told = await school.issue_in("Producao")
        held = await school.rest(Counter(held=SALES))
        first, *others = sorted(held)
        await api.post(f"{school.path}/sales/{first}/cancel", reason="issued in the city's portal")
        await api.post(
            f"{school.path}/sales/actions", action="issue", bill_ids=others, reason="it is owed"
        )
        real = await school.rest(Counter(issued=len(others), skipped=LEFT_OUT))
        valid = await school.valid()
    steps = {
        "issued as tests": Counter(tested.values()) == Counter(issued=SALES),
        "told when going live": "test_sales_held" in told,
        "held after going live": Counter(held.values()) == Counter(held=SALES),
        "issued for real": Counter(real.values()) == Counter(issued=len(others), skipped=LEFT_OUT),
        "real notas at the issuer": valid["p"] == len(others),
    }
    return Rehearsed(
        told=f"Going live: {SALES} sales issued in Homologacao were held, {valid['p']} of them are"
        f" real notas now, {LEFT_OUT} was left out by a person.",
        problems=[f"going live: not {step}" for step, well in steps.items() if not well],
    )


async def _open_school(api: Calls, control: Calls) -> _School:
    account = await control.post("/vindi/accounts", name="Escola Ensaio Ltda")
    key = await control.post("/enotas/keys", webhook_url=None)
    company = await control.post("/enotas/companies", key=key["key"], name="Escola Ensaio Ltda")
    place = f"/vindi/accounts/{account['id']}"
    await control.patch(f"{place}/rate", limit=6000)
    await control.patch(f"/enotas/companies/{company['id']}/faults", progress=PROGRESS)
    product = await control.post(f"{place}/create_product", name="Plano mensal", code=PLAN)
    made = await api.post("/tenants", name="Escola Ensaio", plan="basic")
    school = _School(
        api=api,
        control=control,
        path=f"/tenants/{made['id']}",
        account=place,
        company=company,
        key=key["key"],
    )
    vindi = await api.put(
        f"{school.path}/vindi", api_key=account["keys"][0]["key"], environment="production"
    )
    await control.post(f"{place}/webhooks", url=vindi["webhook_url"])
    await school.issue_in("Homologacao")
    await api.put(f"{school.path}/rule", **RULE)
    await api.post(f"{school.path}/activate")
    await school.sell(product["id"])
    return school
