"""How a call of the internal API travels, and what may come back instead of its answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp

PREFIX: Final = "/internal/v1"
TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=5)
Values = Mapping[str, str | int | bool | None]  # None is left out


class CallRefused(Exception):
    """The API refused a call; the message is what it said, over a few lines where it said more.

    `code` is the stable word of the refusal and `problem` all of it, as `/internal/docs/refusals`
    describes them; `status` is 0 where nothing came back.
    """

    def __init__(
        self, told: str, *, status: int = 0, problem: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(told)
        self.status = status
        self.problem = problem or {}
        self.code = str(self.problem.get("code", ""))


class ApiAway(CallRefused):
    """The API did not answer, or said that it cannot now: later it may.

    Whether the call was carried out is unknown where `status` is 0: repeat what changes something
    under the same idempotency key only, where the call takes one.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiTransport:
    """Where the internal API is, and the session (with its token) that reaches it."""

    base: str
    http: aiohttp.ClientSession = field(repr=False)

    async def json(
        self,
        method: str,
        template: str,
        *,
        path: Values | None = None,
        query: Values | None = None,
        body: object = None,
        idempotency_key: str | None = None,
    ) -> Any:
        """Send one call and give back its JSON; CallRefused (ApiAway) when it is no success."""
        headers = {"Accept": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        try:
            async with self.http.request(
                method,
                self._address(template, path),
                params=_given(query),
                json=body,
                headers=headers,
            ) as answer:
                said = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._away() from error
        if not isinstance(said, dict):
            raise CallRefused("the internal API gave no object", status=answer.status)
        if answer.status >= 400:
            raise _refusal(answer.status, said)
        return said

    async def bytes(
        self,
        template: str,
        *,
        path: Values | None = None,
        query: Values | None = None,
        body: object = None,
    ) -> bytes:
        """Fetch a file whole, asked for by `body` where there is one; CallRefused (ApiAway)."""
        try:
            async with self.http.request(
                "GET" if body is None else "POST",
                self._address(template, path),
                params=_given(query),
                json=body,
            ) as answer:
                if answer.status >= 400:
                    raise _refusal(answer.status, await answer.json(content_type=None))
                return await answer.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise self._away() from error

    def _address(self, template: str, path: Values | None) -> str:
        values = path or {}
        filled = re.sub(r"{(\w+)}", lambda name: quote(str(values[name[1]]), safe=""), template)
        return f"{self.base}{PREFIX}{filled}"

    def _away(self) -> ApiAway:
        return ApiAway(f"the internal API does not answer at {self.base}")


def _given(query: Values | None) -> dict[str, str]:
    return {name: _written(one) for name, one in (query or {}).items() if one is not None}


def _written(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refusal(status: int, problem: dict[str, Any]) -> CallRefused:
    kind = ApiAway if status >= 500 else CallRefused
    return kind(_told(problem), status=status, problem=problem)


def _told(problem: dict[str, Any]) -> str:
    lines = [f"{problem.get('code', 'refused')}: {problem.get('detail', '')}"]
    lines += [f"  {one.get('field')}: {one.get('message')}" for one in problem.get("errors", [])]
    if "backfill_id" in problem:
        lines.append(f"  {problem['backfill_id']}")
    return "\n".join(lines)
