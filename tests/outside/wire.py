"""How an answer travels: what another serialiser, a proxy or a bad line makes of it."""

import asyncio
import gzip
import json
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"

# What may go wrong on the way, by name; `Weather` picks among those that it is given.
BEFORE = (
    "reset",
    "500",
    "502 html",
    "503 empty",
    "429",
    "429 seconds",
    "429 date",
    "401 html",
    "403 html",
    "404 html",
    "302",
    "404 gateway",
    "portal",
)
AFTER = ("slow", "cut", "reset after", "500 after", "502 html after", "garbage", "empty 200")
# What costs whoever reads without an end memory or time.
HEAVY = ("bomb", "endless", "drip", "deep", "vast header")
# What is no text, or another one than was written.
MANGLED = ("utf16", "latin1", "unpacked", "longer", "null", "list", "text in text", "twice")


@dataclass(slots=True, kw_only=True)
class Dress:
    """How bodies are written. Each is one that the papers show, allow or do not rule out."""

    order: str = "kept"  # "reversed", "shuffled"
    extra: bool = False  # fields nobody has heard of, of every kind
    nulls: str = "null"  # "absent": a field without a value is left out
    bom: bool = False
    content_type: str = "application/json; charset=UTF-8"
    packed: str = ""  # "gzip", "chunked"
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def put_on(self, value: Any) -> Any:
        """The same value, as this serialiser would write it."""
        if isinstance(value, dict):
            return self._put_on(value)
        if isinstance(value, list):
            return [self.put_on(each) for each in value]
        return value

    def _put_on(self, value: dict[str, Any]) -> dict[str, Any]:
        pairs = [(key, self.put_on(each)) for key, each in value.items()]
        if self.nulls == "absent":
            pairs = [(key, each) for key, each in pairs if each is not None]
        if self.extra:
            pairs += [
                ("novidade", {"id": 1, "tags": ["a", None], "valor": 1.5}),
                ("x_flag", True),
                ("lista_nova", []),
            ]
        if self.order == "reversed":
            pairs.reverse()
        elif self.order == "shuffled":
            self.chance.shuffle(pairs)
        return dict(pairs)

    def text(self, value: Any) -> bytes:
        text = json.dumps(self.put_on(value), ensure_ascii=False, separators=(",", ":"))
        return (b"\xef\xbb\xbf" if self.bom else b"") + text.encode(errors="backslashreplace")


@dataclass(slots=True)
class Weather:
    """Which request meets which trouble: by chance under a seed, or as a test has ordered it."""

    seed: int = 0
    chance: float = 0.0
    kinds: tuple[str, ...] = BEFORE + AFTER
    slow: float = 0.4  # seconds that "slow" takes
    ordered: list[tuple[str, str, str, int]] = field(default_factory=list)
    met: dict[str, int] = field(default_factory=dict)  # how often, by kind
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def order(self, kind: str, method: str, part: str, times: int = 1) -> None:
        """The next requests of this method whose address has this part meet that."""
        self.ordered.append((kind, method, part, times))

    def over(self, request: web.Request) -> str:
        """The trouble of this request, "" for none."""
        kind = self._as_ordered(request)
        if not kind and self._random.random() < self.chance:
            kind = self._random.choice(self.kinds)
        if kind:
            self.met[kind] = self.met.get(kind, 0) + 1
        return kind

    def _as_ordered(self, request: web.Request) -> str:
        for place, (kind, method, part, times) in enumerate(self.ordered):
            if method in (request.method, "*") and part.lower() in request.path_qs.lower():
                self.ordered[place] = (kind, method, part, times - 1)
                if times == 1:
                    del self.ordered[place]
                return kind
        return ""


def hang_up(request: web.Request) -> web.Response:
    """The connection breaks; whoever asked has no answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def trouble_before(request: web.Request, kind: str) -> web.StreamResponse | None:
    """The answer of a request that was not done at all, None if it may be done."""
    match kind:
        case "reset":
            return hang_up(request)
        case "500":
            return web.json_response({"status": 500, "error": "Internal Server Error"}, status=500)
        case "502 html":
            return _page(502, "502 Bad Gateway")
        case "503 empty":
            return web.Response(status=503)
        case "403 html":
            return _page(403, "Request blocked")
        case "401 html":
            return _page(401, "Sign in")
        case "404 html":
            return _page(404, "Not Found")
        case "429":
            return web.Response(status=429)
        case "429 seconds":
            return web.Response(status=429, headers={"Retry-After": "1"})
        case "429 date":
            return web.Response(
                status=429, headers={"Retry-After": "Mon, 30 Nov 2026 00:00:00 GMT"}
            )
        case "422":
            errors = [{"id": "invalid_parameter", "parameter": "id", "message": "inválido"}]
            return web.json_response({"errors": errors}, status=422)
        case "400 account":
            text = "Emissão e cancelamento de notas fiscais bloqueada por falta de pagamento."
            return web.json_response([{"codigo": "FIN01", "mensagem": text}], status=400)
        case "404 empty":
            return web.Response(status=404)
        case "302":
            raise web.HTTPFound("https://login.portal.example/entrar")
        case "404 gateway":
            return web.json_response({"message": "no Route matched with those values"}, status=404)
        case "401 gateway" | "403 gateway":
            return web.json_response({"message": "Forbidden"}, status=int(kind[:3]))
        case "portal":
            return _page(200, "Bem-vindo ao Wi-Fi")
    return None


async def trouble_after(
    request: web.Request, kind: str, body: bytes, headers: Mapping[str, str], slow: float
) -> web.StreamResponse | None:
    """The answer of a request that was done and whose answer is spoilt, None if it is not."""
    match kind:
        case "slow":
            await asyncio.sleep(slow)
        case "very slow":
            await asyncio.sleep(10 * slow)
        case "reset after":
            return hang_up(request)
        case "500 after":
            return web.json_response([{"codigo": "GEN001", "mensagem": "Erro"}], status=500)
        case "502 html after":
            return _page(502, "502 Bad Gateway")
        case "empty 200":
            return web.Response(status=200, content_type="application/json")
        case "garbage":
            return web.Response(body=b'{"nfeId": ', content_type="application/json")
        case "cut":
            return await _cut(request, body, headers)
        case _ if kind in HEAVY:
            return await _heavy(request, kind)
        case _ if kind in MANGLED:
            return _mangled(kind, body)
    return None


async def _heavy(request: web.Request, kind: str) -> web.StreamResponse:
    json_type = {"Content-Type": "application/json"}
    if kind == "bomb":
        packed = gzip.compress(b'{"a": "' + b"0" * 200_000_000 + b'"}', 1)
        return web.Response(body=packed, headers={**json_type, "Content-Encoding": "gzip"})
    if kind == "deep":
        return web.Response(body=b'{"bills":' + b"[" * 500_000, headers=json_type)
    if kind == "vast header":
        return web.Response(body=b"{}", headers={**json_type, "X-Vast": "x" * 100_000})
    answer = web.StreamResponse(headers=json_type)
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    piece, pause = (b"0" * 65_536, 0.0) if kind == "endless" else (b" ", 0.2)
    with suppress(ConnectionError):
        for _ in range(4000 if kind == "endless" else 200):
            await answer.write(piece)
            await asyncio.sleep(pause)
    return answer


def _mangled(kind: str, body: bytes) -> web.Response:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    text = body.decode("utf-8-sig")
    match kind:
        case "utf16":
            body = text.encode("utf-16")
        case "latin1":
            body = text.encode("latin-1", "replace")
        case "unpacked":
            headers["Content-Encoding"] = "gzip"
        case "null":
            body = b"null"
        case "list":
            body = b"[" + body + b"]"
        case "text in text":
            body = json.dumps(text).encode()
        case "twice":
            body = b'{"errors":[],"bills":[],"id":1,' + text.lstrip().removeprefix("{").encode()
        case "longer":
            body += b"\n" + body
    return web.Response(body=body, headers=headers)


async def _cut(request: web.Request, body: bytes, headers: Mapping[str, str]) -> web.StreamResponse:
    answer = web.StreamResponse(headers=headers)
    answer.content_length = len(body)
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return answer


async def send(
    request: web.Request, body: bytes, status: int, headers: dict[str, str], dress: Dress
) -> web.StreamResponse:
    """The answer as a proxy in front packs it."""
    headers = {"Content-Type": dress.content_type, **headers}
    if dress.packed == "gzip" and "gzip" in request.headers.get("Accept-Encoding", ""):
        packed = gzip.compress(body)
        return web.Response(
            body=packed, status=status, headers={**headers, "Content-Encoding": "gzip"}
        )
    if dress.packed == "chunked":
        answer = web.StreamResponse(status=status, headers=headers)
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for start in range(0, len(body), 700):
            await answer.write(body[start : start + 700])
        await answer.write_eof()
        return answer
    return web.Response(body=body, status=status, headers=headers)


def _page(status: int, title: str) -> web.Response:
    return web.Response(status=status, text=HTML.format(title), content_type="text/html")
