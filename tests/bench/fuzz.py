"""A hundred thousand inputs that nobody meant: no answer of 5xx, none that does not come.

Seeded: the same number sends the same. Two in five are deliveries, two calls of the internal API
made from its own description, one is hardly HTTP.
"""

import asyncio
import json
import random
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from tests.bench.measure import Measure
from tests.bench.stand_in import a_field
from tests.journey.system import TOKEN

INPUTS: Final = 100_000
SEED: Final = 13
AT_ONCE: Final = 32
PATIENCE: Final = 60.0  # no answer after that is a hang; the clocks of doors are shorter
WORDS: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 2**63, 2**63 - 1, 1e308, 0.1, "", "0", "1", "\0", "\ud800",
    "é" * 50, "a" * 5000, "2026-11-29", "2026-13-40", "9999-12-31T23:59:59Z", "179.90", "NaN",
    "-1", "' OR 1=1 --", "../../etc/passwd", "%00", "{{7*7}}", "bill_paid", [], {}, [[]],
    {"a": {"b": []}},
)  # fmt: skip
BYTES: Final = b"\x00\x01\r\n\t :/?#[]@!$&'()*+,;=%\x7f\xc3\xa9\xffabcXYZ0123456789"
UPGRADE: Final = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
TOKENS: Final = (b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"g e t")


@dataclass(slots=True)
class Tally:
    """What came back: statuses, 0 where the connection was ended without a word."""

    statuses: Counter[int] = field(default_factory=Counter)
    hangs: list[bytes] = field(default_factory=list)
    failed: list[tuple[int, bytes]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is shot at: addresses, a tenant, the API's own description."""

    webhook: int
    internal: int
    path: str
    tenant: str
    operations: list[tuple[str, str, dict[str, Any]]]
    schemas: dict[str, Any]


async def run(folder: Path, inputs: int = INPUTS, seed: int = SEED) -> list[Measure]:
    """Send so many inputs and count what comes of them."""
    async with a_field(folder, names=("webhook", "reconciler")) as place:
        seller = await place.seller()
        described = await place.api("GET", "/openapi.json")
        aim = Aim(
            webhook=place.services["webhook"].port,
            internal=place.services["reconciler"].port,
            path=urlsplit(seller.webhook_url).path,
            tenant=seller.tenant,
            operations=[
                (method.upper(), path, operation)
                for path, methods in described["paths"].items()
                for method, operation in methods.items()
                if operation["operationId"] != "new_webhook_secret"  # would end what is aimed at
            ],
            schemas=described["components"]["schemas"],
        )
        tally, started = Tally(), time.monotonic()
        sources = [random.Random(f"{seed}-{number}") for number in range(AT_ONCE)]
        share, rest = divmod(inputs, AT_ONCE)
        await asyncio.gather(
            *(
                _shoot(aim, tally, source, share + (number < rest))
                for number, source in enumerate(sources)
            )
        )
        took = time.monotonic() - started
        # Whatever came before: it still does what it is for.
        alive = await place.api("GET", f"/tenants/{seller.tenant}")
        assert alive["id"] == seller.tenant
    return _measures(tally, inputs, took, folder)


def _measures(tally: Tally, inputs: int, took: float, folder: Path) -> list[Measure]:
    wrong = sum(count for status, count in tally.statuses.items() if status >= 500)
    if tally.failed or tally.hangs:
        kept = Path("build")
        kept.mkdir(exist_ok=True)
        failed = [(status, repr(sent)) for status, sent in tally.failed]
        told = {"failed": failed, "hangs": [repr(sent) for sent in tally.hangs]}
        (kept / "fuzz.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
    by_kind = Counter(f"{status // 100}xx" for status in tally.statuses.elements())
    return [
        Measure(bench="fuzz", what="inputs", value=inputs, unit=""),
        Measure(bench="fuzz", what="rate", value=inputs / took, unit="inputs/s"),
        *(
            Measure(bench="fuzz", what=f"answers {kind}", value=count, unit="")
            for kind, count in sorted(by_kind.items())
        ),
        Measure(bench="fuzz", what="5xx", value=wrong, unit="", bar="0", passed=wrong == 0),
        Measure(
            bench="fuzz", what="hangs", value=len(tally.hangs), unit="", bar="0",
            passed=not tally.hangs,
        ),
    ]  # fmt: skip


async def _shoot(aim: Aim, tally: Tally, source: random.Random, count: int) -> None:
    for _ in range(count):
        make = source.choices((_delivery, _call, _rubbish), (4, 4, 2))[0]
        port, sent = make(aim, source)
        # What is no whole request is ended by its sender; else each waits for the door's clock.
        status = await _answer(port, sent, tally, ends=make is _rubbish)
        tally.statuses[status] += 1
        if status >= 500 and len(tally.failed) < 50:
            tally.failed.append((status, sent[:3000]))


async def _answer(port: int, sent: bytes, tally: Tally, *, ends: bool) -> int:
    """The status of the answer; 0 when there was none and the connection ended."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(sent)
                if ends:
                    await asyncio.sleep(0.02)
                    writer.write_eof()
                line = await reader.readline()
                while await reader.read(65536):
                    pass
            finally:
                writer.close()
    except TimeoutError:
        tally.hangs.append(sent[:3000])
        return 0
    except OSError:
        return 0
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", line)
    return int(found[1]) if found else 0


def _request(method: str, path: str, body: bytes, *headers: bytes) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1".encode(),
        b"Host: localhost",
        b"Connection: close",
        b"Content-Length: %d" % len(body),
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _delivery(aim: Aim, source: random.Random) -> tuple[int, bytes]:
    """An event of the right address with anything in it."""
    event: Any = {
        "event": {
            "type": source.choice(("bill_paid", "charge_refunded", "test", "x")),
            "created_at": "2026-10-05T10:11:12.345-03:00",
            "data": {"bill": {"id": source.randrange(1, 5), "amount": "179.9"}},
        }
    }
    for _ in range(source.randrange(4)):
        event = _changed(event, source)
    body = _written(event, source)
    return aim.webhook, _request("POST", aim.path, body, b"Content-Type: application/json")


def _call(aim: Aim, source: random.Random) -> tuple[int, bytes]:
    """A call of an operation, right or wrong in some of its parts."""
    method, path, operation = source.choice(aim.operations)

    def fill(found: re.Match[str]) -> str:
        good = {"tenant_id": aim.tenant, "bill_id": "1", "month": "2026-10", "table": "nbs"}
        if source.random() < 0.7:
            return good.get(found[1], "x")
        return quote(str(source.choice(WORDS)).encode("utf-8", "replace"), safe="")[:300] or "x"

    url = re.sub(r"\{(\w+)\}", fill, path)
    names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    asked = [name for name in [*names, "unknown"] if source.random() < 0.3]
    if asked:
        url += "?" + "&".join(
            f"{name}={quote(str(source.choice(WORDS)).encode('utf-8', 'replace'), safe='')[:300]}"
            for name in asked
        )
    body = b""
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = _written(_made(schema, aim.schemas, source, 0), source)
    headers = [b"Content-Type: application/json", f"Authorization: Bearer {TOKEN}".encode()]
    if source.random() < 0.1:
        headers.append(b"Idempotency-Key: k%d" % source.randrange(50))
    return aim.internal, _request(method, url, body, *headers)


def _rubbish(aim: Aim, source: random.Random) -> tuple[int, bytes]:
    """Something that looks like a request for a while."""
    port = source.choice((aim.webhook, aim.internal))
    path = source.choice((aim.path, "/internal/v1/tenants", "/healthz", "/", "*", "http://a/b"))
    length = source.choice((b"5", b"-1", b"99999999999999999999", b"0x5", b"5, 6", b""))
    extra = source.choice(
        (
            b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: chunked, gzip\r\n",
            b"Content-Encoding: gzip\r\n", b"Expect: 100-continue\r\n", UPGRADE,
            b"Host:\r\n", b"Content-Length: " + length + b"\r\n",
            _noise(source, 60) + b"\r\n", b": empty\r\n", b"A" * 300 + b": " + b"b" * 300 + b"\r\n",
        )
    )  # fmt: skip
    version = source.choice((b"HTTP/1.1", b"HTTP/1.0", b"HTTP/9.9", b"HTP/1.1", b""))
    head = b" ".join((source.choice(TOKENS), path.encode(), version)) + b"\r\n" + extra + b"\r\n"
    sent = bytearray(head + _noise(source, 200))
    for _ in range(source.randrange(6)):
        sent[source.randrange(len(sent))] = source.choice(BYTES)
    return port, bytes(sent[: source.randrange(1, len(sent) + 1)])


def _noise(source: random.Random, most: int) -> bytes:
    return bytes(source.choices(BYTES, k=source.randrange(most)))


def _written(value: Any, source: random.Random) -> bytes:
    """JSON, now and then broken."""
    body = bytearray(json.dumps(value).encode("utf-8", "surrogatepass"))
    if source.random() < 0.15:
        for _ in range(source.randrange(1, 5)):
            body[source.randrange(len(body))] = source.choice(BYTES)
    if source.random() < 0.03:
        del body[source.randrange(len(body)) :]
    if source.random() < 0.01:
        body = bytearray(b"[" * source.randrange(1, 100_000))
    return bytes(body)


def _changed(value: Any, source: random.Random) -> Any:
    """The same with something else somewhere."""
    if isinstance(value, dict) and value and source.random() < 0.8:
        key = source.choice(list(value))
        return {**value, key: _changed(value[key], source)}
    return source.choice(WORDS)


def _made(schema: Any, schemas: dict[str, Any], source: random.Random, depth: int) -> Any:
    """Something of a schema's shape, with what does not fit here and there."""
    if source.random() < 0.12 or depth > 6 or not isinstance(schema, dict):
        return source.choice(WORDS)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _made(schemas[name], schemas, source, depth)
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _made(source.choice(schema[word]), schemas, source, depth + 1)
    if "enum" in schema:
        return source.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    match schema.get("type"):
        case "object":
            needed = schema.get("required", ())
            return {
                name: _made(inner, schemas, source, depth + 1)
                for name, inner in schema.get("properties", {}).items()
                if name in needed or source.random() < 0.3
            }
        case "array":
            items = schema.get("items", {})
            return [_made(items, schemas, source, depth + 1) for _ in range(source.randrange(3))]
        case "boolean":
            return source.random() < 0.5
        case "integer" | "number":
            return source.choice((0, 1, 7, 365, 10**6))
        case _:
            return source.choice(("A", "1.07", "179.90", "2026-10-01", "bill_paid", "Curso *"))
