"""The control API: everything a script or a person can do to the stand-ins, as JSON."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Final

from services.sandbox.clock import Clock
from services.sandbox.courier import Courier, Parcel
from services.sandbox.enotas.records import Company, EnotasKey, Json, Outcome
from services.sandbox.enotas.render import company_body, nota_body
from services.sandbox.enotas.world import EnotasWorld
from services.sandbox.vindi.account import Account
from services.sandbox.vindi.operations import OPERATIONS, OperationRefusedError
from services.sandbox.vindi.render import render
from services.sandbox.vindi.times import read_instant
from services.sandbox.vindi.world import VindiWorld
from services.sandbox.wire import Answer, Call, answer_json

_JOURNAL_SHOWN: Final = 1000


class ControlApp:
    """Answers the control port. 404 for what is not there, 400 for what is not understood."""

    def __init__(
        self, clock: Clock, courier: Courier, vindi: VindiWorld, enotas: EnotasWorld
    ) -> None:
        self._clock = clock
        self._courier = courier
        self._vindi = vindi
        self._enotas = enotas

    async def handle(self, call: Call) -> Answer:
        """Answer one call."""
        try:
            return answer_json(await self._routed(call, call.segments))
        except KeyError as missing:
            return answer_json({"error": f"not found: {missing.args[0]}"}, 404)
        except OperationRefusedError as refused:
            return answer_json({"error": str(refused)}, 409)
        except (TypeError, ValueError, AttributeError) as wrong:
            return answer_json({"error": str(wrong)}, 400)

    async def _routed(self, call: Call, path: list[str]) -> Any:
        wish = call.json()
        match [call.method, *path]:
            case ["POST", "reset"]:
                return self._reset()
            case ["POST", "settle"]:
                await self._courier.settle()
                return dict(self._courier.counts)
            case [_, "clock"]:
                return self._move_clock(wish)
            case ["GET", "counts"]:
                return {"courier": dict(self._courier.counts), "enotas": self._enotas.report()}
            case ["GET", "invariants"]:
                return self._enotas.invariants.report()
            case ["GET", "deliveries"]:
                return _last(map(_parcel, self._courier.parcels), call)
            case ["POST", "deliveries", number, "resend"]:
                return self._resend(int(number))
            case ["POST", "courier"]:
                self._courier.slowness = float(wish["slowness"])
                return {"slowness": self._courier.slowness}
            case [method, "vindi", *rest]:
                return self._of_vindi(method, rest, wish, call)
            case [method, "enotas", *rest]:
                return self._of_enotas(method, rest, wish, call)
            case _:
                raise KeyError(call.raw_path)

    def _reset(self) -> Json:
        self._clock.clear()
        self._courier.counts.clear()
        self._courier.parcels.clear()
        self._vindi.reset()
        self._enotas.reset()
        return {}

    def _move_clock(self, wish: Json) -> Json:
        if "speed" in wish:
            self._clock.run_at(float(wish["speed"]))
        if "set" in wish:
            self._clock.set(read_instant(wish["set"]) / 1000)
        if "advance" in wish:
            self._clock.advance(float(wish["advance"]))
        return {"now": self._clock.now(), "speed": self._clock.speed}

    def _resend(self, number: int) -> Json:
        parcel = next((p for p in self._courier.parcels if p.id == number), None)
        if parcel is None:
            raise KeyError(number)
        again = self._courier.post(
            parcel.url, parcel.render, label=parcel.label, headers=parcel.headers,
            patience=parcel.patience,
        )  # fmt: skip
        return _parcel(again)

    def _of_vindi(self, method: str, path: list[str], wish: Json, call: Call) -> Any:
        match [method, *path]:
            case ["POST", "accounts"]:
                return _account_view(self._vindi.create_account(**wish))
            case ["GET", "accounts"]:
                return [_account_view(a) for a in self._vindi.accounts.values()]
            case [_, "accounts", number, *rest]:
                account = self._vindi.accounts[int(number)]
                return self._of_account(method, account, rest, wish, call)
            case _:
                raise KeyError(call.raw_path)

    def _of_account(
        self, method: str, account: Account, path: list[str], wish: Json, call: Call
    ) -> Any:
        match [method, *path]:
            case ["GET"]:
                return _account_view(account)
            case ["POST", "keys"]:
                wish["denied"] = set(wish.get("denied", ()))
                return _fields(self._vindi.add_key(account, **wish))
            case ["POST", "keys", "revoke"]:
                return [_revoke(key) for key in account.keys if wish.get("key") in {None, key.key}]
            case ["POST", "webhooks"]:
                return _parcel(self._vindi.register_webhook(account, wish["url"]))
            case ["POST", "webhooks", "send"]:
                body = wish["body"].encode()
                return _parcel(self._vindi.events.post(account, wish["url"], body))
            case ["POST", "events"]:
                row = account.table(wish["kind"]).rows[int(wish["id"])]
                return account.emit(wish["type"], row)
            case ["PATCH", "rate"]:
                return _change(account.rate, wish)
            case ["PATCH", "faults"]:
                account.faults.change(wish)
                return _fields(account.faults)
            case ["PATCH", "events"]:
                account.event_faults.change(wish)
                return _fields(account.event_faults)
            case ["POST", "storms"]:
                return _fields(account.weather.add(**wish))
            case ["DELETE", "storms"]:
                return account.weather.clear()
            case ["GET", "journal"]:
                return _last(map(_fields, account.journal), call)
            case ["PUT", "canned"]:
                kind = wish.get("content_type", "application/json")
                account.canned[wish["path"]] = (
                    wish.get("status", 200),
                    wish["body"].encode(),
                    kind,
                )
                return {}
            case ["DELETE", "canned"]:
                return account.canned.clear()
            case ["POST", operation]:
                return render(account, OPERATIONS[operation](account, **wish))
            case ["GET", "span", kind]:
                ids = account.table(kind).rows.keys()
                return {"first": min(ids, default=None), "last": max(ids, default=None)}
            case ["GET", kind, number]:
                return render(account, account.table(kind).rows[int(number)])
            case _:
                raise KeyError(call.raw_path)

    def _of_enotas(self, method: str, path: list[str], wish: Json, call: Call) -> Any:
        world = self._enotas
        match [method, *path]:
            case ["POST", "keys"]:
                header = wish.pop("webhook_header", None)
                return _fields(
                    world.create_key(**wish, webhook_header=tuple(header) if header else None)
                )
            case ["PATCH", "keys"]:
                return _change_key(world.keys[wish.pop("key")], wish)
            case ["POST", "companies"]:
                return company_body(world.create_company(**wish))
            case ["POST", "storms"]:
                return _fields(world.weather.add(**wish))
            case ["DELETE", "storms"]:
                return world.weather.clear()
            case ["PUT", "cities", city]:
                world.providers[city] = wish
                return wish
            case ["GET", "journal"]:
                return _last(map(_fields, world.journal), call)
            case [_, "companies", company_id, *rest]:
                return self._of_company(method, world.company(company_id), rest, wish, call)
            case _:
                raise KeyError(call.raw_path)

    def _of_company(
        self, method: str, company: Company, path: list[str], wish: Json, call: Call
    ) -> Any:
        world = self._enotas
        match [method, *path]:
            case ["GET"]:
                return company_body(company)
            case ["PATCH"]:
                return _change(company, wish, only=("missing", "enabled", "city", "name", "cnpj"))
            case ["PATCH", "faults"]:
                company.faults.change(wish)
                return _fields(company.faults)
            case ["POST", "storms"]:
                return _fields(company.weather.add(**wish))
            case ["DELETE", "storms"]:
                return company.weather.clear()
            case ["PUT", "outcomes", external_id]:
                world.decide(company, external_id, Outcome(**wish))
                return wish
            case ["DELETE", "outcomes", external_id]:
                del company.outcomes[external_id]
                return {}
            case ["GET", "notas"]:
                return _last((nota_body(company, n) for n in company.notas.values()), call)
            case ["GET", "sends", "count"]:
                return {"count": len(company.notas)}
            case ["GET", "sends"]:
                return [
                    {"idExterno": n.external_id, "created": n.created, "body": n.body}
                    for n in company.notas.values()
                ]
            case ["POST", "notas", nota_id, "force"]:
                nota = company.notas[nota_id]
                world.machine.force(company, nota, wish["status"], wish.get("reason"))
                return nota_body(company, nota)
            case ["POST", "notas", nota_id, "panel"]:
                nota = company.notas[nota_id]
                if wish["do"] == "cancel":
                    world.cancel_in_panel(company, nota)
                else:
                    world.resend_in_panel(company, nota)
                return nota_body(company, nota)
            case ["POST", "notas", nota_id, "webhook"]:
                world.webhooks.tell(company, company.notas[nota_id], at=self._clock.now())
                return {}
            case ["POST", "notas", nota_id, "forge"]:
                world.webhooks.forge(company, nota_id, wish.get("status", "Autorizada"))
                return {}
            case _:
                raise KeyError(call.raw_path)


def _account_view(account: Account) -> Json:
    return {
        "id": account.id, "name": account.name, "registry_code": account.registry_code,
        "keys": [_fields(key) for key in account.keys], "webhooks": account.webhooks,
        "rate": dict(_fields(account.rate).items()),
        "rows": {kind: len(account.table(kind)) for kind in ("bills", "charges", "customers")},
    }  # fmt: skip


def _revoke(key: Any) -> str:
    key.revoked = True
    return str(key.key)


def _change(target: Any, wish: Json, only: Iterable[str] = ("limit", "length")) -> Json:
    for name, value in wish.items():
        if name not in only:
            raise AttributeError(f"cannot set: {name}")
        setattr(target, name, value)
    return {name: getattr(target, name) for name in only}


def _change_key(key: EnotasKey, wish: Json) -> Json:
    if isinstance(wish.get("webhook_header"), list):
        wish["webhook_header"] = tuple(wish["webhook_header"])
    return _change(key, wish, only=("revoked", "webhook_url", "webhook_header"))


def _fields(thing: Any) -> Json:
    """Show a dataclass's plain fields."""
    return {
        field.name: _plain(getattr(thing, field.name))
        for field in dataclasses.fields(thing)
        if not callable(getattr(thing, field.name))
    }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else value


def _parcel(parcel: Parcel) -> Json:
    return {
        "id": parcel.id, "label": parcel.label, "state": parcel.state,
        "statuses": parcel.statuses,
    }  # fmt: skip


def _last(rows: Iterable[Json], call: Call) -> list[Json]:
    """Show the newest rows, oldest of them first; `?last=` says how many."""
    return list(rows)[-int(call.params.get("last", _JOURNAL_SHOWN)) :]
