"""A company as its issuer has it, as far as people want to see it."""

from datetime import date

from msgspec import Struct


class CompanyFacts(Struct, frozen=True, kw_only=True):
    """What the issuer has of a company beside its name; None where it does not say. No key."""

    municipal_registration: str | None = None
    city: str | None = None  # IBGE's code
    simples: bool | None = None
    service: str | None = None  # the city's own code
    lc116: str | None = None
    cnae: str | None = None
    certificate_until: date | None = None
