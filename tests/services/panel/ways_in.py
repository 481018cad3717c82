"""What the panel's door may use, on this machine: a mail server and another company's sign-in."""

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope
from joserfc import jwt
from joserfc.jwk import RSAKey

from shared.config.secret import Secret
from shared.config.ways_in import OidcSettings

CLIENT = "notaponte"
SECRET = "um segredo de testes"


@dataclass
class Postbox:
    """Keeps what it is given; `refuses` it where told so."""

    received: list[Message] = field(default_factory=list)
    refuses: bool = False
    url: str = ""

    # Its name and what it is given are the library's.
    async def handle_DATA(self, *given: Any) -> str:  # noqa: N802
        envelope: Envelope = given[-1]
        assert isinstance(envelope.content, bytes)
        if self.refuses:
            return "554 5.7.1 not from here"
        self.received.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    def text(self, number: int = -1) -> str:
        content: Any = self.received[number]
        return str(content.get_content())


@asynccontextmanager
async def a_postbox() -> AsyncIterator[Postbox]:
    postbox = Postbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(postbox, hostname="127.0.0.1", loop=loop), host="127.0.0.1", port=0
    )
    postbox.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield postbox
    finally:
        server.close()
        await server.wait_closed()


class _Escaping(json.JSONEncoder):
    """Writes what has no encoding, too: halves of pairs."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": True})


@dataclass
class Provider:
    """A small OpenID provider: says that somebody is who its test says they are."""

    issuer: str = ""
    email: str = "ana@exemplo.com"
    verified: bool = True
    subject: str = "sub-1"
    name: str = "Ana Souza"
    claims: dict[str, Any] = field(default_factory=dict)  # instead of the right ones
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    signs_with: RSAKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def settings(self, **more: Any) -> OidcSettings:
        return OidcSettings(
            **{
                "issuer": self.issuer,
                "client_id": CLIENT,
                "client_secret": Secret.of(SECRET),
                "name": "Grupo Aurora",
                "domains": (),
                **more,
            }
        )

    async def describe(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/autorizar",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/chaves",
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        return web.json_response({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: web.Request) -> web.Response:
        given = dict(request.query)
        self.asked.append(given)
        code = f"code-{len(self.codes)}"
        self.codes[code] = given
        raise web.HTTPFound(f"{given['redirect_uri']}?code={code}&state={given['state']}")

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = self.codes.pop(str(form["code"]), None)
        basic = base64.b64encode(f"{CLIENT}:{quote(SECRET)}".encode()).decode()
        proven = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(proven).decode().rstrip("=")
        if (
            given is None
            or request.headers.get("Authorization") != f"Basic {basic}"
            or given["code_challenge"] != challenge
            or given["redirect_uri"] != form["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": given["nonce"],
            "email": self.email,
            "email_verified": self.verified,
            "name": self.name,
            **self.claims,
        }
        key = self.signs_with or self.key
        head = {"alg": "RS256", "kid": "k1"}
        signed = jwt.encode(head, claims, key, encoder_cls=_Escaping)
        return web.json_response({"access_token": "x", "token_type": "Bearer", "id_token": signed})


@asynccontextmanager
async def a_provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", provider.describe)
    app.router.add_get("/chaves", provider.keys)
    app.router.add_get("/autorizar", provider.authorize)
    app.router.add_post("/token", provider.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
