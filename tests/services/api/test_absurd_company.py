"""One absurd value in one field of a company as its issuer shows it.

It is connected, or refused with a word that says why; health, the tenant and a going live answer;
and once the company is in order it is connected as ever. Nothing of it is a fault of ours.
"""

import json

import pytest
from structlog.testing import capture_logs

from services.sandbox.enotas.app import EnotasApp
from services.sandbox.enotas.render import company_body
from services.sandbox.wire import Answer, Call, dump
from tests.services.api.support import World, issuer_body
from tests.services.emitter.test_absurd_fields import LACKS, Case, some_of
from tests.support.absurd import PLAIN, RAW, Path, paths_in, spoilt

PLAUSIBLE = {
    "cyrillic": "ООО Ромашка",
    "chinese": "株式会社",
    "arabic": "شركة",
    "a CNPJ": "11444777000161",
    "letters in a CNPJ": "12ABC34501DE35",
    "a CPF": "12345678909",
    "true in words": "sim",
    "Habilitada": "Desabilitada",
}
WHOLE: Path = ()
SHOWN = {200, 422, 502}  # connected; refused with a code; the issuer said nothing usable


class Spoiler:
    """What stands in the issuer's answers about the company, and about what it lacks."""

    case: Case | None = None

    def spoil(self, body: bytes) -> bytes:
        if self.case is None:
            return body
        record = json.loads(body)
        if self.case.path == WHOLE:
            value = self.case.value
            return spoilt(dump(PLAIN.get(value, f"@@{value}@@")))
        try:
            return spoilt(dump(self.case.applied(record)))
        except (KeyError, TypeError, IndexError):
            return body


@pytest.fixture
def spoiler(monkeypatch: pytest.MonkeyPatch) -> Spoiler:
    made, real = Spoiler(), EnotasApp.handle

    def handle(app: EnotasApp, call: Call) -> Answer:
        answer = real(app, call)
        about = "/empresas/" in call.raw_path and "/nfes" not in call.raw_path
        if answer.status != 200 or not about or call.method != "GET":
            return answer
        return Answer(status=200, body=made.spoil(answer.body), headers=answer.headers)

    monkeypatch.setattr(EnotasApp, "handle", handle)
    for name, value in PLAUSIBLE.items():
        monkeypatch.setitem(PLAIN, name, value)
    return made


async def test_an_absurd_company_is_connected_or_refused_with_a_word(
    world: World, spoiler: Spoiler
) -> None:
    tenant = await world.active_tenant()
    key = world.sandbox.enotas.create_key()
    company = world.sandbox.enotas.create_company(key=key.key)
    shown = company_body(company) | {"mei": False, "codigoServicoMunicipal": "1", "cnae": "6201500"}
    shown |= {"itemListaServicoLC116": "1.07"}
    company.details = shown
    paths = [WHOLE, *paths_in(shown)]
    cases = [
        Case(kind="company", path=path, value=name)
        for path in paths
        for name in (LACKS, *PLAIN, *RAW)
        if path != WHOLE or name != LACKS
    ]
    ours = issuer_body(key.key, company.id)
    wrong = []
    with capture_logs() as logs:
        for case in some_of(cases):
            spoiler.case = case
            reply = await world.api.put(f"/tenants/{tenant}/issuer", ours)
            looks = [
                (await world.api.get(f"/tenants/{tenant}{about}")).status
                for about in ("", "/health")
            ]
            if reply.status not in SHOWN or looks != [200, 200]:
                wrong.append(f"{case}: {reply.status} {reply.body} {looks}")
            elif reply.status != 200 and not reply.code:
                wrong.append(f"{case}: refused without a word")
    wrong += [str(log) for log in logs if log["log_level"] in ("error", "critical")]
    assert not wrong, "\n".join(wrong)

    spoiler.case = None
    assert (await world.api.put(f"/tenants/{tenant}/issuer", ours)).status == 200
