"""Errors as RFC 9457 tells them, each with a stable code."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

MEDIA_TYPE: Final = "application/problem+json"


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="Where, parts joined by dots; empty for the whole.")
    message: str


class ProblemWarning(BaseModel):
    """What has to be confirmed; the message is Portuguese."""

    code: str
    message: str
    field: str | None = Field(
        default=None, description="Of the body, parts joined by dots, where it is about one."
    )


class ProblemBody(BaseModel):
    """What a caller reads when something was refused."""

    model_config = ConfigDict(title="Problem")

    status: int
    title: str
    detail: str
    code: str = Field(description="A stable word.")
    errors: list[FieldProblem] = Field(default_factory=list)
    missing: list[str] = Field(default_factory=list, description="What is lacking, if that is why.")
    warnings: list[ProblemWarning] = Field(
        default_factory=list, description="What to confirm, if that is why."
    )
    backfill_id: str | None = Field(default=None, description="The backfill that is in the way.")


class Problem(Exception):
    """An answer that refuses; raised anywhere below a handler. Its texts repeat no value."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldProblem, ...] = (),
        missing: tuple[str, ...] = (),
        warnings: tuple[ProblemWarning, ...] = (),
        backfill_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.missing = missing
        self.warnings = warnings
        self.backfill_id = backfill_id
        self.headers = dict(headers or {})


def render_problem(problem: Problem) -> Response:
    """Write a problem as an answer; empty lists are left out."""
    body = ProblemBody(
        status=problem.status,
        title=HTTPStatus(problem.status).phrase,
        detail=problem.detail,
        code=problem.code,
        errors=list(problem.errors),
        missing=list(problem.missing),
        warnings=list(problem.warnings),
        backfill_id=problem.backfill_id,
    )
    may_be_empty = ("errors", "missing", "warnings", "backfill_id")
    empty = {name for name in may_be_empty if not getattr(body, name)}
    return Response(
        body.model_dump_json(exclude=empty, exclude_none=True),
        status_code=problem.status,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def invalid(field: str, message: str) -> Problem:
    """A request that is understood and cannot be taken: one field is wrong."""
    return Problem(
        422,
        "invalid_request",
        "The request does not fit its description.",
        errors=(FieldProblem(field=field, message=message),),
    )
