"""Secrets that others hold: made here, kept only as hashes."""

import hashlib
import hmac
import re
import secrets
import string
from typing import Final

from shared.domain.ids import BackfillId, JobId, PersonId, TenantId

_ALPHABET: Final = string.ascii_lowercase + string.digits


def new_tenant_id() -> TenantId:
    """A short fixed word: `t` and ten letters or digits (about 51 bits)."""
    return TenantId("t" + "".join(secrets.choice(_ALPHABET) for _ in range(10)))


def new_backfill_id(tenant: TenantId) -> BackfillId:
    """An id that names its tenant, so that a look-up touches one tenant."""
    return BackfillId(f"{tenant}-" + "".join(secrets.choice(_ALPHABET) for _ in range(10)))


def new_job_id() -> JobId:
    """A short word: `j` and ten letters or digits; of one tenant's jobs."""
    return JobId("j" + "".join(secrets.choice(_ALPHABET) for _ in range(10)))


def new_erasure_id() -> str:
    """A short word: `e` and ten letters or digits; of one tenant's erasures."""
    return "e" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def new_person_id() -> PersonId:
    """A short fixed word: `p` and ten letters or digits."""
    return PersonId("p" + "".join(secrets.choice(_ALPHABET) for _ in range(10)))


def new_link_token(tenant: TenantId) -> str:
    """A token of 256 bits for a link, which names the tenant it lets into, so as to be found."""
    return f"{tenant}.{secrets.token_urlsafe(32)}"


def tenant_of_link(token: str) -> TenantId | None:
    """The tenant a link's token claims to be of; proven only by its hash."""
    shaped = re.fullmatch(r"(-|t[a-z0-9]{10})\.[A-Za-z0-9_-]{43}", token)
    return TenantId(shaped[1]) if shaped else None


def tenant_of_backfill(backfill: str) -> TenantId | None:
    """The tenant an id claims to be of; None for what cannot be the id of a backfill."""
    shaped = re.fullmatch(r"(t[a-z0-9]{10})-[a-z0-9]{10}", backfill)
    return TenantId(shaped[1]) if shaped else None


def new_internal_token() -> str:
    """A token of 256 bits for the internal API; scanners for leaked secrets find it by its word."""
    return f"notaponte_{secrets.token_urlsafe(32)}"


def is_internal_token(text: str) -> bool:
    """Whether it may be one; proven only by its hash."""
    return re.fullmatch(r"notaponte_[A-Za-z0-9_-]{43}", text) is not None


def new_webhook_secret(tenant: TenantId) -> str:
    """A path secret of 256 bits that names its tenant, so that a look-up touches one tenant."""
    return f"{tenant}-{secrets.token_urlsafe(32)}"


def tenant_of_secret(secret: str) -> TenantId | None:
    """The tenant a path secret claims to be of; proven only by its hash."""
    word, dash, rest = secret.partition("-")
    shaped = dash and rest and len(word) == 11 and word.isascii() and word.isalnum()
    return TenantId(word) if shaped else None


def hash_secret(secret: str) -> bytes:
    """SHA-256: enough for secrets of 256 random bits, and quick to check."""
    return hashlib.sha256(secret.encode()).digest()


def same_secret(one: bytes, other: bytes) -> bool:
    """Compare two hashes in constant time."""
    return hmac.compare_digest(one, other)
