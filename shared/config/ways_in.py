"""Settings of what the panel's front door may use: a mail server, a company's own sign-in."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import unquote, urlsplit

from shared.config.env import Env, is_loopback
from shared.config.secret import Secret

MAIL_TIMEOUT: Final = timedelta(seconds=15)
_PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """A mail server. `tls`: from the first byte; otherwise STARTTLS, but on this machine."""

    host: str
    port: int
    tls: bool
    start_tls: bool
    user: str
    password: Secret
    sender: str
    timeout: timedelta = MAIL_TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """Another door (OpenID Connect): `issuer` has `/.well-known/openid-configuration` below it."""

    issuer: str
    client_id: str
    client_secret: Secret
    name: str  # what stands on the button
    domains: tuple[str, ...]  # of addresses that may come in by it; none: every one


def read_mail(var: Env) -> MailSettings | None:
    """`SMTP_URL` and `SMTP_FROM`; None where no server is named: links are shown then."""
    url = var.text("SMTP_URL", default="")
    sender = var.text("SMTP_FROM", default="")
    if not url:
        if sender:
            var.problem("SMTP_URL", "is missing, since SMTP_FROM is given.")
        return None
    if "@" not in sender or any(letter.isspace() for letter in sender):
        var.problem("SMTP_FROM", "must be an e-mail address such as notas@example.com.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in _PORTS:
        var.problem("SMTP_URL", "is not an address such as smtp://user:password@host:587.")
        return None
    tls = parts.scheme == "smtps"
    return MailSettings(
        host=host,
        port=port or _PORTS[parts.scheme],
        tls=tls,
        start_tls=not tls and not is_loopback(host),
        user=unquote(parts.username or ""),
        password=Secret.of(unquote(parts.password or "")),
        sender=sender,
    )


def read_oidc(var: Env) -> OidcSettings | None:
    """`OIDC_ISSUER` and its companions; None where no other door is named."""
    name = var.text("OIDC_NAME", default="sua empresa")[:60]
    domains = var.text("OIDC_DOMAINS", default="").lower().split(",")
    if not var.text("OIDC_ISSUER", default=""):
        for given in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"):
            if var.text(given, default=""):
                var.problem("OIDC_ISSUER", f"is missing, since {given} is given.")
                break
        return None
    return OidcSettings(
        issuer=var.base_url("OIDC_ISSUER", default="", https=True),
        client_id=var.text("OIDC_CLIENT_ID"),
        client_secret=Secret.of(var.text("OIDC_CLIENT_SECRET")),
        name=name,
        domains=tuple(one.strip() for one in domains if one.strip()),
    )
