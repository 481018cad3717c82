"""Sends a nota for the first time, or again after its denial."""

from datetime import timedelta
from functools import partial
from typing import Final

from msgspec.structs import replace

from services.emitter.acting.at_issuer import AtIssuer
from services.emitter.planning import answers
from services.emitter.planning.answers import Answer
from services.emitter.work import Act, Send
from shared.db.sales.notas_store import KnownNota
from shared.domain.nota import IssuerEnvironment, NotaDraft
from shared.issuer.interface import Issuer, Unknown

ADOPT_AGAIN: Final = timedelta(minutes=1)


async def send(at: AtIssuer, issuer: Issuer, nota: KnownNota, act: Act, asked: Send) -> Answer:
    """Ask for a nota whose intent is committed; after a restore only if it is not there already.

    Raises what kept the request from leaving (TransientError, TenantBlockedError).
    """
    if asked.first and at.context.restored.may_be_issued(act.read):
        snapshot = await issuer.find(nota.external_id)
        at.breakers.request(ok=True)
        if snapshot is not None:
            return at.seen(issuer, nota, snapshot)
        if asked.adopts:  # the issuer lists it, and does not show it just now
            return answers.put_off(nota, at.now + ADOPT_AGAIN)
    with at.request(nota) as request:
        result = await issuer.submit(
            nota.external_id,
            numbered(asked.draft, nota),
            environment=environment_of(nota.external_id),
            look_first=not asked.first,
            may_leave=partial(at.leaves, act.entry, request),
        )
        request.answered = not isinstance(result, Unknown)
    return at.submitted(issuer, nota, result)


def numbered(draft: NotaDraft, nota: KnownNota) -> NotaDraft:
    """What is sent of a nota: with its own number, which its row alone has."""
    return draft if nota.rps_number is None else replace(draft, rps_number=nota.rps_number)


def environment_of(external_id: str) -> IssuerEnvironment:
    """The environment a nota was born in: its id says so, whatever the tenant uses now."""
    return "Producao" if external_id.startswith("p-") else "Homologacao"
