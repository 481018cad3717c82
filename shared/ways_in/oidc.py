"""Another company's sign-in (OpenID Connect, the code flow with PKCE), as far as we need it.

Authlib has the arithmetic and the checks of a token's claims; requests are ours, by aiohttp.
Source: OpenID Connect Core 1.0, sections 3.1.2 and 3.1.3; RFC 7636.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, encode_basic_auth
from authlib.common.security import generate_token
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.config.ways_in import OidcSettings
from shared.net.http import demand_https, read_capped
from shared.net.json_bytes import read_json

log = structlog.get_logger()

TIMEOUT: Final = ClientTimeout(total=10)
MOST_BYTES: Final = 256 * 1024
KEEP_SECONDS: Final = 3600.0
LEEWAY: Final = 60  # seconds that clocks may differ
# What a public key signs; `none` and shared secrets are no word of an issuer.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")


class OidcRefused(Exception):
    """Nobody comes in by this answer; `code` is a stable word: `away`, `refused`, `no_email`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What was sent along, to be kept by the browser until the answer comes."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduced:
    """Who somebody is by that door's word: its own name for them, and an address it has proven."""

    issuer: str
    subject: str
    email: str
    name: str


class OidcDoor:
    """One other door; its addresses and keys are kept for an hour. One for each process."""

    def __init__(self, settings: OidcSettings, session: ClientSession, back: str) -> None:
        """`back` is the address of ours that it sends people back to."""
        self._settings = settings
        self._session = session
        self._back = back
        self._kept: tuple[float, Mapping[str, Any], KeySet] | None = None

    @property
    def name(self) -> str:
        """What stands on the button."""
        return self._settings.name

    def may_be(self, email: str) -> bool:
        """Whether somebody with this address may come in by this door."""
        domains = self._settings.domains
        return not domains or email.rpartition("@")[2].lower() in domains

    async def begin(self) -> tuple[str, Errand]:
        """Where to send somebody, and what to remember. Raises OidcRefused (`away`)."""
        known, _ = await self._known()
        errand = Errand(
            state=generate_token(32), nonce=generate_token(32), verifier=generate_token(48)
        )
        params = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._back,
            "scope": "openid email profile",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": create_s256_code_challenge(errand.verifier),
            "code_challenge_method": "S256",
        }
        return add_params_to_uri(_safe(known["authorization_endpoint"]), params.items()), errand

    async def finish(self, code: str, errand: Errand) -> Introduced:
        """Exchange a code for a word about who somebody is; raises OidcRefused."""
        known, keys = await self._known()
        settings = self._settings
        told = await self._ask(
            _safe(known["token_endpoint"]),
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self._back,
                "code_verifier": errand.verifier,
                "client_id": settings.client_id,
            },
        )
        claims = self._proven(str(told.get("id_token") or ""), keys, errand)
        if claims is None:  # its keys may have changed since they were read
            _, keys = await self._known(afresh=True)
            claims = self._proven(str(told.get("id_token") or ""), keys, errand)
        if claims is None:
            raise OidcRefused("refused")
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise OidcRefused("no_email")
        if not _written(str(claims["sub"])):
            raise OidcRefused("refused")
        return Introduced(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            email=email,
            name=str(claims.get("name") or ""),
        )

    def _proven(self, token: str, keys: KeySet, errand: Errand) -> Mapping[str, Any] | None:
        settings = self._settings
        try:
            read = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
            claims = CodeIDToken(
                read.claims,
                read.header,
                {"iss": {"value": settings.issuer}, "aud": {"value": settings.client_id}},
                {"nonce": errand.nonce, "client_id": settings.client_id},
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("oidc_token_refused", error=type(error).__name__)
            return None
        found: Mapping[str, Any] = read.claims
        return found

    async def _known(self, *, afresh: bool = False) -> tuple[Mapping[str, Any], KeySet]:
        """Its own description and keys."""
        kept = self._kept
        if kept is not None and kept[0] > time.monotonic() and not afresh:
            return kept[1], kept[2]
        described = await self._ask(f"{self._settings.issuer}/.well-known/openid-configuration")
        if described.get("issuer") != self._settings.issuer:
            raise OidcRefused("away")
        try:
            keys = KeySet.import_key_set(await self._ask(_safe(described["jwks_uri"])))  # type: ignore[arg-type]  # read as JSON, and checked by it
            _ = described["authorization_endpoint"], described["token_endpoint"]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise OidcRefused("away") from error
        self._kept = (time.monotonic() + KEEP_SECONDS, described, keys)
        return described, keys

    async def _ask(self, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Read JSON; with a form it is posted, by our name and secret."""
        settings = self._settings
        headers = {"Accept": "application/json"}
        if form:
            # RFC 6749, section 2.3.1: both are written as in a form, then encoded.
            name, secret = (
                quote(part, safe="")
                for part in (settings.client_id, settings.client_secret.reveal())
            )
            headers["Authorization"] = encode_basic_auth(name, secret)
        try:
            async with self._session.request(
                "POST" if form else "GET",
                url,
                data=form,
                timeout=TIMEOUT,
                allow_redirects=False,
                headers=headers,
            ) as answer:
                if answer.status != 200:
                    raise OidcRefused("refused" if form and answer.status < 500 else "away")
                found = _json(await read_capped(answer, most=MOST_BYTES))
        except (ClientError, OSError, ValueError) as error:
            log.warning("oidc_away", error=type(error).__name__)
            raise OidcRefused("away") from error
        return found


def _written(text: str) -> bool:
    """Whether it can be written: JSON may hold halves of a pair, which no encoding has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(raw: bytes) -> dict[str, Any]:
    found = read_json(raw)
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004 - as other bodies that cannot be read
    return found


def _safe(url: object) -> str:
    """An address of theirs that secrets may go to: by https, or on this machine."""
    try:
        demand_https(str(url))
    except ValueError:
        raise OidcRefused("away") from None
    return str(url)
