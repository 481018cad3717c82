"""Notas at the issuer that nobody asked us for: which of them a person means."""

from collections.abc import Sequence
from datetime import date

from msgspec import Struct


class Selection(Struct, frozen=True, kw_only=True):
    """Foreign notas of a month: by their ids at the issuer, or all that fit what is stated.

    Days are the issuer's, in UTC. Without ids, those that bear an id of our making are left out:
    they are another tenant's sales, and a person has to name them one by one.
    """

    issuer_ids: Sequence[str] | None = None
    created_before: date | None = None
    external_id_prefix: str | None = None
