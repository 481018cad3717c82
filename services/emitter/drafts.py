"""Drafts as the JSON that is kept, sealed, beside their nota."""

import json
from dataclasses import asdict
from datetime import date

from shared.domain.bill import Address
from shared.domain.money import Cents
from shared.domain.nota import NotaDraft, Service, Tomador


def draft_to_json(draft: NotaDraft) -> bytes:
    """Write a draft; equal drafts give equal bytes."""
    return json.dumps(asdict(draft), default=str, ensure_ascii=False, sort_keys=True).encode()


def draft_from_json(body: bytes) -> NotaDraft:
    """Read a draft that `draft_to_json` wrote."""
    values = json.loads(body)
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
