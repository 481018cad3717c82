"""One operation of the API: what it takes, what it answers, and who does it.

The description in OpenAPI is made from the same objects that read requests and write answers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from services.reconciler.api.kit.problem import Problem
from services.reconciler.api.kit.words import plain_number
from services.reconciler.services import Services
from shared.db.people.tokens_store import TokenScope
from shared.db.tenants.tenants_store import Tenant
from shared.domain.external_id import LARGEST_BILL
from shared.domain.ids import BillId

PREFIX: Final = "/internal/v1"
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


class Strict(BaseModel):
    """A request of ours: unknown names are refused, so that a typing error shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoBody(Strict):
    """No body, or an empty object."""


class MayBeEmpty(Strict):
    """A body that may be left out, which says the same as an empty object."""


class NoQuery(Strict):
    """No query parameters."""


B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[B, Q]):
    """A request that was authenticated and read."""

    services: Services
    actor: str  # the token's name
    body: B
    query: Q
    path: Mapping[str, str]
    idempotency_key: str | None
    accept: str = "*/*"  # the Accept header
    found_tenant: Tenant | None = None  # read already where the path names one

    @property
    def tenant(self) -> Tenant:
        """The tenant the path names."""
        if self.found_tenant is None:
            raise AssertionError("the path of this operation names no tenant")
        return self.found_tenant

    @property
    def bill(self) -> BillId:
        """The bill the path names; a Problem when no bill can have that number."""
        number = plain_number(self.path["bill_id"], LARGEST_BILL)
        if number is None:
            raise sale_unknown()
        return BillId(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back: a model as JSON, or bytes with their media type, whole or in parts.

    Parts are made while they are sent: whatever can be refused is refused before the first.
    """

    status: int = 200
    body: BaseModel | bytes | AsyncIterator[bytes]
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[B, Q]):
    """How one method of one path is served. `refusals` are the codes it gives, by status.

    Those every operation may give (401, 503), every body (400, 413, 415, 422) and every path
    with a tenant (404) are added where it is described and served.
    """

    method: Method
    path: str
    name: str
    summary: str
    handler: Callable[[Call[B, Q]], Awaitable[Answer]]
    body: type[B]
    query: type[Q]
    status: int = 200
    answer: type[BaseModel] | None = None  # None: bytes of `media_type`
    media_type: str = "application/json"
    also: tuple[str, ...] = ()  # other media types that Accept may ask for
    refusals: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    idempotent_by_key: bool = False
    needs: TokenScope | None = None  # None: `read` for GET, `support` for what changes something

    @property
    def scope(self) -> TokenScope:
        """What a token has to be for."""
        return self.needs or ("read" if self.method == "GET" else "support")

    @property
    def takes_body(self) -> bool:
        """Whether anything is read from the body."""
        return self.body is not NoBody

    @property
    def of_tenant(self) -> bool:
        """Whether the path names a tenant."""
        return "{tenant_id}" in self.path


AnyOperation = Operation[Any, Any]
NOTHING: Final[Mapping[str, Any]] = {"body": NoBody, "query": NoQuery}


def attachment(name: str, body: bytes | AsyncIterator[bytes], media_type: str) -> Answer:
    """A file to keep, under this name."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(body=body, media_type=media_type, headers=headers)


def sale_unknown() -> Problem:
    """Nothing is known about this bill, or nothing was decided yet."""
    return Problem(404, "sale_unknown", "There is no sale for this bill.")


def tenant_unknown() -> Problem:
    """There is no such tenant."""
    return Problem(404, "tenant_unknown", "There is no tenant of this id.")
