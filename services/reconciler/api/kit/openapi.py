"""The description of the API, made from the operations that serve it."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.reconciler.api.kit.operation import PREFIX, AnyOperation, MayBeEmpty, NoQuery
from services.reconciler.api.kit.problem import MEDIA_TYPE, ProblemBody
from services.reconciler.api.kit.reading import MOST_KEY
from services.reconciler.reference.describe import in_full_words
from services.reconciler.reference.words import Json
from shared.domain.fields.stated import RPS_SERIES
from shared.domain.tables import TABLES

if TYPE_CHECKING:
    from pydantic import BaseModel

Refs = Mapping[tuple[Any, JsonSchemaMode], Json]
_REF: Final = "#/components/schemas/{model}"
_PATH_PARAMETERS: Final[dict[str, Json]] = {
    "tenant_id": {"type": "string", "pattern": "^t[a-z0-9]{10}$"},
    "backfill_id": {"type": "string", "pattern": "^t[a-z0-9]{10}-[a-z0-9]{10}$"},
    "bill_id": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1},
    "group": {"type": "string", "pattern": "^denied_[a-z_]+(-[0-9a-f]{16})?$"},
    "delivery_id": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1},
    "table": {"type": "string", "enum": list(TABLES)},
    "series": {"type": "string", "pattern": RPS_SERIES},
    "month": {"type": "string", "pattern": "^2[01][0-9]{2}-(0[1-9]|1[0-2])$"},
    "erasure_id": {"type": "string", "pattern": "^e[a-z0-9]{10}$"},
    "departed": {"type": "string", "pattern": "^t[a-z0-9]{10}$"},
    "key": {"type": "string", "pattern": "^h-t[a-z0-9]{10}-teste-[a-f0-9]{12}$"},
}


def describe(operations: Sequence[AnyOperation]) -> Json:
    """OpenAPI 3.1 of these operations: every status each can answer, and nothing else."""
    keys: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ProblemBody, "serialization")]
    for op in operations:
        keys += [(op.answer, "serialization")] if op.answer else []
        keys += [(op.body, "validation")] if op.takes_body else []
        keys += [(op.query, "validation")]
    refs, definitions = models_json_schema(list(dict.fromkeys(keys)), ref_template=_REF)
    schemas = definitions.get("$defs", {})
    paths: dict[str, Json] = {}
    for op in operations:
        paths.setdefault(PREFIX + op.path, {})[op.method.lower()] = _operation(op, refs, schemas)
    described: Json = {
        "openapi": "3.1.0",
        "info": {
            "title": "Notaponte internal API",
            "version": "1",
            "description": "For support and for scripts. Money is a decimal string in reais,"
            " instants are RFC 3339 UTC, days YYYY-MM-DD.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }
    return in_full_words(described)


def _operation(op: AnyOperation, refs: Refs, schemas: Json) -> Json:
    described: Json = {
        "operationId": op.name,
        "summary": op.summary,
        "description": f"Needs a token for `{op.scope}`.",
        "parameters": [*_path(op), *_query(op, schemas), *_headers(op)],
        "responses": _responses(op, refs),
    }
    if op.takes_body:
        described["requestBody"] = {
            "required": not issubclass(op.body, MayBeEmpty),
            "content": {"application/json": {"schema": refs[(op.body, "validation")]}},
        }
    return described


def _path(op: AnyOperation) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _PATH_PARAMETERS[name]}
        for name in re.findall(r"\{(\w+)\}", op.path)
    ]


def _query(op: AnyOperation, schemas: Json) -> list[Json]:
    if op.query is NoQuery:
        return []
    properties = schemas[op.query.__name__]["properties"]
    required = schemas[op.query.__name__].get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(schema),
        }
        for name, schema in properties.items()
    ]


def _without_null(schema: Json) -> Json:
    """A query parameter is there or not; it cannot be null."""
    options = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    return options[0] if len(options) == 1 else schema


def _headers(op: AnyOperation) -> list[Json]:
    if not op.idempotent_by_key:
        return []
    schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_KEY,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    }
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": schema,
            "description": "The same key with the same body gives the same answer.",
        }
    ]


def _responses(op: AnyOperation, refs: Refs) -> Json:
    schema = refs[(op.answer, "serialization")] if op.answer else {"type": "string"}
    done: Json = {
        "description": HTTPStatus(op.status).phrase,
        "content": {
            op.media_type: {"schema": schema} if op.answer else {},
            **{media_type: {} for media_type in op.also},
        },
    }
    problem = {MEDIA_TYPE: {"schema": refs[(ProblemBody, "serialization")]}}
    responses: Json = {str(op.status): done}
    for status, codes in sorted(_refusals(op).items()):
        named = ", ".join(f"`{code}`" for code in codes)
        responses[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}: {named}",
            "content": deepcopy(problem),
            "x-codes": list(codes),  # taken out again where they get their words
        }
    return responses


def _refusals(op: AnyOperation) -> dict[int, tuple[str, ...]]:
    """What this operation may refuse with, its own codes before those of all."""
    common: dict[int, tuple[str, ...]] = {
        400: ("malformed_json",),
        401: ("unauthorized",),
        403: ("scope_too_narrow",),
        413: ("body_too_long",),
        415: ("not_json",),
        422: ("invalid_request",),
        429: ("too_many_wrong_tokens",),
        503: ("unavailable",),
    }
    if op.of_tenant:
        common[404] = ("tenant_unknown",)
    if op.idempotent_by_key:
        common[409] = (
            "idempotency_key_reused",
            "idempotency_key_running",
            "idempotency_answer_lost",
        )
    statuses = {*common, *op.refusals}
    return {status: (*op.refusals.get(status, ()), *common.get(status, ())) for status in statuses}
