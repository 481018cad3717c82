"""The sandbox side: an account at Vindi, a company at eNotas, and the month as it happens."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

from deploy.demo.calls import Calls
from deploy.demo.people import a_customer, an_address
from deploy.demo.stories import CONSULTING, COURSE, FIRST_BILL, PLAN, TALK, Road, Story

CALM: Final = {
    "drop_percent": 0, "duplicate_percent": 0, "parallel_percent": 0, "reorder_percent": 0,
    "delay_from": 0, "delay_to": 0, "reorder_seconds": 4,
}  # fmt: skip
ROADS: Final[dict[Road, dict[str, int]]] = {
    "heard": {},
    "doubled": {"duplicate_percent": 100, "parallel_percent": 100},
    "late": {"delay_from": 4, "delay_to": 9},
    "reordered": {"reorder_percent": 100},
    "lost": {"drop_percent": 100},
}
# Seconds a nota spends in each state on its way; an hour at a real city.
PROGRESS: Final = (0.2, 0.2, 0.2, 0.8, 0.4)
LOST_ANSWER_EVERY: Final = 25  # a POST is taken and its answer lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A story that happened: the bill and the customer it got."""

    bill_id: int
    customer_id: int
    number: int
    story: Story


@dataclass(slots=True, kw_only=True)
class Stage:
    """One Vindi account and one eNotas company of the sandbox. `control` is its control API."""

    control: Calls
    account_id: int
    vindi_key: str
    enotas_key: str
    company_id: str
    products: dict[str, int] = field(default_factory=dict)

    async def hear_at(self, webhook_url: str, status_webhook_url: str) -> None:
        """Enter our addresses at both, as a person does in their panels."""
        await self.control.post(f"{self._account}/webhooks", url=webhook_url)
        await self.control.patch(
            "/enotas/keys", key=self.enotas_key, webhook_url=status_webhook_url
        )

    async def let_happen(self, number: int, story: Story, *, tenant: str) -> Booked:
        """Let one sale happen, from the customer to the refund before any nota."""
        customer = await self._do("create_customer", **a_customer(number, story.buyer))
        booked = Booked(
            bill_id=FIRST_BILL + number, customer_id=customer["id"], number=number, story=story
        )
        if story.denial is not None:
            await self._will_deny(booked, tenant)
        await self.control.patch(f"{self._account}/events", **CALM | ROADS[story.road])
        await self._do("sale", **self._sale(booked))
        match story.refund:
            case "full":
                await self._do("refund", bill_id=booked.bill_id)
            case "part":
                await self._do("refund", bill_id=booked.bill_id, amount="10.00")
            case None:
                pass
            case never:
                assert_never(never)
        if story.payment == "cancelled":
            await self._do("cancel_bill", bill_id=booked.bill_id)
        return booked

    async def sell_past(self, sales: Sequence[dict[str, Any]]) -> None:
        """Let sales have happened, of which Vindi told nobody."""
        for one in sales:
            customer = await self._do("create_customer", **one["customer"])
            details = dict(one["sale"])
            line = {"amount": details.pop("amount"), "product_id": self.products[one["product"]]}
            await self._do("sale", customer_id=customer["id"], lines=[line], **details)

    async def all_is_heard(self) -> None:
        """Let events travel without accidents from now on."""
        await self.control.patch(f"{self._account}/events", **CALM)

    async def refund(self, booked: Booked, amount: str | None = None) -> None:
        await self._do("refund", bill_id=booked.bill_id, amount=amount)

    async def pay(self, booked: Booked) -> None:
        await self._do("pay_bill", bill_id=booked.bill_id)

    async def complete_address(self, booked: Booked) -> None:
        """Vindi sends no event about it."""
        address = an_address(booked.number)
        await self._do("edit_customer", customer_id=booked.customer_id, address=address)

    async def issuer_notas(self) -> Sequence[dict[str, Any]]:
        """Every nota the issuer holds, as its own API shows it."""
        notas: list[dict[str, Any]] = await self.control.get(
            f"/enotas/companies/{self.company_id}/notas", last=1_000_000
        )
        return notas

    async def _do(self, operation: str, **details: Any) -> dict[str, Any]:
        made: dict[str, Any] = await self.control.post(f"{self._account}/{operation}", **details)
        return made

    async def _will_deny(self, booked: Booked, tenant: str) -> None:
        story = booked.story
        await self.control.put(
            f"/enotas/companies/{self.company_id}/outcomes/p-{tenant}-{booked.bill_id}-1",
            kind="deny_once" if story.denied_once else "deny",
            denial=story.denial,
        )

    def _sale(self, booked: Booked) -> dict[str, Any]:
        story, now = booked.story, time.time()
        details = {
            "id": booked.bill_id,
            "customer_id": booked.customer_id,
            "method": story.method,
            "paid": story.payment == "paid",
            "lines": [
                {"amount": amount, "product_id": self.products[product]}
                for amount, product in zip(story.lines, story.products_of_lines, strict=True)
            ],
        }
        if story.paid_ago:
            # Vindi learns today of what was paid some days ago, as with boletos.
            details |= {"paid_at": now - story.paid_ago.total_seconds(), "known_at": now}
        return details

    @property
    def _account(self) -> str:
        return f"/vindi/accounts/{self.account_id}"


async def set_stage(control: Calls) -> Stage:
    """Open the accounts at both stand-ins, with limits as high as the hurry asks."""
    account = await control.post("/vindi/accounts", name="Estúdio Exemplo Ltda")
    key = await control.post("/enotas/keys", webhook_url=None)
    company = await control.post("/enotas/companies", key=key["key"], name="Estúdio Exemplo Ltda")
    stage = Stage(
        control=control,
        account_id=account["id"],
        vindi_key=account["keys"][0]["key"],
        enotas_key=key["key"],
        company_id=company["id"],
    )
    await control.patch(f"/vindi/accounts/{stage.account_id}/rate", limit=6000)
    place = f"/enotas/companies/{stage.company_id}"
    await control.patch(f"{place}/faults", progress=PROGRESS)
    await control.post(
        f"{place}/storms", kind="hang_up", when="after", method="POST", every=LOST_ANSWER_EVERY
    )
    for code, name in (
        (PLAN, "Plano mensal"),
        (COURSE, "Curso"),
        (CONSULTING, "Consultoria"),
        (TALK, "Palestra"),
    ):
        made = await control.post(
            f"/vindi/accounts/{stage.account_id}/create_product", name=name, code=code
        )
        stage.products[code] = made["id"]
    return stage
