"""Bodies as Vindi and eNotas send them, made up."""

import json
from typing import Any


def a_bill_event(bill: object = 4711, kind: str = "bill_paid", **more: Any) -> bytes:
    return an_event(kind, {"bill": {"id": bill, "amount": "179.9", "status": "paid"}}, **more)


def a_charge_event(bill: object = 4711, kind: str = "charge_refunded") -> bytes:
    return an_event(kind, {"charge": {"id": 88, "status": "paid", "bill": {"id": bill}}})


def an_event(kind: object, data: object, **more: Any) -> bytes:
    event = {"type": kind, "created_at": "2026-10-05T10:11:12.345-03:00", "data": data, **more}
    return json.dumps({"event": event}).encode()


def a_notification(external_id: object, status: str = "Autorizada") -> bytes:
    return json.dumps(
        {
            "tipo": "NFS-e",
            "empresaId": "11111111-2222-4333-8444-555555550100",
            "nfeId": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeee0600",
            "nfeIdExterno": external_id,
            "nfeStatus": status,
            "nfeMotivoStatus": None,
            "nfeNumero": "201200000000487",
        }
    ).encode()
