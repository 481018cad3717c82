"""Ids that cannot be passed for one another."""

from typing import NewType

TenantId = NewType(
    "TenantId", str
)  # "t" and ten letters or digits; also the tenant's word in external ids
BillId = NewType("BillId", int)  # Vindi's number: unique within one tenant only
ChargeId = NewType("ChargeId", int)
CustomerId = NewType("CustomerId", int)
ExternalId = NewType("ExternalId", str)  # our id of a nota at the issuer (eNotas: idExterno)
IssuerNotaId = NewType("IssuerNotaId", str)  # the issuer's id of a nota (eNotas: nfeId)
BackfillId = NewType("BackfillId", str)  # its tenant's id, "-" and ten letters or digits
JobId = NewType("JobId", str)  # of one action for many sales
PersonId = NewType("PersonId", str)  # "p" and ten letters or digits
