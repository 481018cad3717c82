"""Requests into models; everything that does not fit becomes a Problem, never an error of ours."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json
from starlette.requests import Request

from services.reconciler.api.kit.operation import MayBeEmpty, NoBody
from services.reconciler.api.kit.problem import FieldProblem, Problem
from shared.domain.documents import names_document
from shared.domain.impossible import Impossible
from shared.portuguese import in_portuguese

M = TypeVar("M", bound=BaseModel)

MOST_BYTES: Final = 256 * 1024  # a rule with a thousand exceptions is a fifth of it
# What takes longer than a few milliseconds to read is read beside the loop, one after another: a
# rule of thousands of exceptions, looked at twice where it is refused, takes up to a second.
AT_ONCE_BYTES: Final = 8 * 1024
_PARSING: Final = asyncio.Semaphore(1)
MOST_KEY: Final = 200
CURSOR: Final = "cursor"  # a word of ours, which holds ids alone
NO_DOCUMENT: Final = (
    "a CPF or CNPJ does not go into an address, which logs and histories keep; sales are looked"
    " for by it with POST …/sales/search"
)
MOST_ERRORS: Final = 50
MOST_TOLD_APART: Final = 5000  # with more a body is something else; each costs some 30 µs to word
PLAIN_NAME: Final = re.compile(r"[a-z][a-z_]{0,39}")  # a slip of the pen: worth showing


async def read_body(request: Request, model: type[M]) -> tuple[M, bytes]:
    """Read a JSON body into its model, and give its bytes too.

    Problems: 400 `malformed_json`, 413 `body_too_long`, 415 `not_json`, 422 `invalid_request`.
    """
    raw = await _bytes(request)
    if issubclass(model, NoBody | MayBeEmpty) and not raw.strip():
        return model(), raw
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "not_json", "The body must be application/json.")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        # Nothing that comes is unpacked: a megabyte may be a gigabyte.
        raise Problem(415, "not_json", "The body must not be compressed.")
    if len(raw) <= AT_ONCE_BYTES:
        return parsed(raw, model), raw
    async with _PARSING:
        return await asyncio.to_thread(parsed, raw, model), raw


def parsed(raw: bytes, model: type[M]) -> M:
    """The model of a body's bytes; Problems as `read_body`'s."""
    try:
        return _storable(model.model_validate_json(raw, strict=True))
    except ValidationError as error:
        if error.error_count() > MOST_TOLD_APART:
            raise _something_else(error.error_count()) from None
        of_rule = isinstance(model, Combined)
        raise _problem(error, _impossible(model, raw), in_words=of_rule) from error


def read_query(request: Request, model: type[M]) -> M:
    """Read the query parameters into their model.

    A name given twice is refused, and a CPF or CNPJ in any of them: addresses are kept by proxies,
    histories and logs.
    """
    items = request.query_params.multi_items()
    values = dict(items)
    if len(values) < len(items):
        raise _invalid((FieldProblem(field="", message="a parameter is given twice"),))
    kept_out = tuple(
        FieldProblem(field=name, message=NO_DOCUMENT)
        for name, value in values.items()
        if name in model.model_fields and name != CURSOR and names_document(value)
    )
    if kept_out:
        raise _invalid(kept_out)
    try:
        return _storable(model.model_validate(values))
    except ValidationError as error:
        raise _problem(error) from error


def read_idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key, if there is one: 1 to 200 printable ASCII characters."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= MOST_KEY and key.isascii() and key.isprintable()):
        message = "1 to 200 printable ASCII characters"
        raise _invalid((FieldProblem(field="Idempotency-Key", message=message),))
    return key


async def _bytes(request: Request) -> bytes:
    stated = request.headers.get("Content-Length", "")
    too_long = Problem(413, "body_too_long", f"A body has at most {MOST_BYTES} bytes.")
    if stated.isascii() and stated.isdigit() and (len(stated) > 9 or int(stated) > MOST_BYTES):
        raise too_long
    parts = bytearray()
    async for chunk in request.stream():
        parts += chunk
        if len(parts) > MOST_BYTES:
            raise too_long
    return bytes(parts)


def _storable(model: M) -> M:
    """PostgreSQL's texts cannot hold NUL, wherever in a request it stands."""
    if _has_nul(model.model_dump(by_alias=True)):
        raise _invalid((FieldProblem(field="", message="texts must not contain NUL"),))
    return model


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return any(_has_nul(inner) for inner in value)
    return False


@runtime_checkable
class Combined(Protocol):
    """A body with combinations that cannot be meant, beside fields that are wrong alone."""

    @classmethod
    def impossible(cls, told: Mapping[str, Any]) -> list[Impossible]:
        """Name them, of a body as it was told."""


def _impossible(model: type[BaseModel], raw: bytes) -> list[Impossible]:
    if not isinstance(model, Combined):
        return []
    try:
        told = from_json(raw)  # as deep as pydantic reads, and no deeper
    except ValueError:
        return []
    return model.impossible(told) if isinstance(told, dict) else []


def _problem(
    error: ValidationError, more: Sequence[Impossible] = (), *, in_words: bool = False
) -> Problem:
    """Say what is wrong where, without the value, which may be a key.

    `in_words`: in Portuguese, where a tenant reads it.
    """
    found = error.errors(include_input=False, include_url=False)
    if any(item["type"] == "json_invalid" for item in found):
        return Problem(400, "malformed_json", "The body is not JSON.")
    problems = [FieldProblem(field=_path(item), message=_said(item, in_words)) for item in found]
    problems += [
        FieldProblem(field=".".join(map(str, one.field)), message=one.message) for one in more
    ]
    # The model itself names combinations too, once its fields are right.
    distinct = {(problem.field, problem.message): problem for problem in problems}
    return _invalid(tuple(distinct.values())[:MOST_ERRORS])


def _something_else(count: int) -> Problem:
    # Tenants read what is said of a rule; nobody else sends so much.
    said = f"são {count} erros: o corpo não é o que esta chamada recebe"
    return _invalid((FieldProblem(field="", message=said),))


def _said(item: ErrorDetails, in_words: bool) -> str:
    said = item["msg"].removeprefix("Value error, ")
    if not in_words:
        return said
    return in_portuguese(item["type"], _path(item), said, item.get("ctx", {}))


def _path(item: ErrorDetails) -> str:
    """Where in the body. A name we do not know is the caller's text, which may be anything."""
    parts = [str(part) for part in item["loc"]]
    if item["type"] == "extra_forbidden" and not PLAIN_NAME.fullmatch(parts[-1]):
        parts[-1] = "?"
    return ".".join(parts)


def _invalid(errors: tuple[FieldProblem, ...]) -> Problem:
    return Problem(
        422, "invalid_request", "The request does not fit its description.", errors=errors
    )
