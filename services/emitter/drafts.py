"""Drafts as the JSON that is kept, sealed, beside their nota."""

from dataclasses import fields
from datetime import date
from typing import Final

from shared.domain.bill import Address
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Service, Tomador
from shared.json_bytes import read_json, write_json

_TOMADOR: Final = tuple(f.name for f in fields(Tomador) if f.name != "address")
_ADDRESS: Final = tuple(f.name for f in fields(Address))
_SERVICE: Final = tuple(f.name for f in fields(Service))


def draft_to_json(draft: NotaDraft) -> bytes:
    """Write a draft; equal drafts give equal bytes."""
    tomador, address = draft.tomador, draft.tomador.address
    # By hand: `asdict` copies every value deeply, which cost a tenth of a nota's whole work.
    values = {
        "amount": draft.amount,
        "competencia": draft.competencia.isoformat(),
        "description": draft.description,
        "tomador": {
            **{name: getattr(tomador, name) for name in _TOMADOR},
            "address": address and {name: getattr(address, name) for name in _ADDRESS},
        },
        "service": {name: getattr(draft.service, name) for name in _SERVICE},
        "send_email": draft.send_email,
    }
    return write_json(values)


def draft_from_json(body: bytes) -> NotaDraft:
    """Read a draft that `draft_to_json` wrote."""
    values = read_json(body)
    tomador = values["tomador"]
    address = tomador.pop("address")
    return NotaDraft(
        amount=Cents(values["amount"]),
        competencia=date.fromisoformat(values["competencia"]),
        description=values["description"],
        tomador=Tomador(**tomador, address=Address(**address) if address else None),
        service=Service(**values["service"]),
        send_email=values["send_email"],
    )
