"""What eNotas' documentation leaves open, asked of a real account: at most eight reads.

Source of the questions: our collection of facts about eNotas Gateway, its section of open
questions. What could only be learned by issuing, cancelling or waiting is said to be so.
"""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

from shared.ops.doctor.asking import PlainReader, Seen
from shared.ops.doctor.report import Learned, Learning, words_only

NOBODYS: Final = "notaponte-doctor-of-nobody"
TOO_LONG: Final = "x" * 120
NOT_ASKED: Final = {
    "a repeated idExterno in each state": "only seen by sending a nota twice",
    "webhooks: headers, retries, fields": "only seen by refusing them",
    "DELETE in other states": "only seen by cancelling",
    "the sales API's numbers": "we do not use it",
    "the day of a nota sent again": "only seen by sending one",
    "whether the sandbox simulates denials": "only seen by sending one there",
}


async def ask_enotas(tenant: str, asker: PlainReader, company: str) -> AsyncIterator[Learned]:
    """One answer for each open question that reading can answer."""
    answer = Learning(whose="eNotas", tenant=tenant)
    own = await asker.get(f"v1/empresas/{company}")
    if own.status != 200:
        yield answer("all", "wrong", f"the company answers {own.status}", status=own.status)
        return
    yield _rate(answer, own)
    yield _aliquot(answer, own)
    yield await _city(answer, asker, own)
    notas = await asker.get(
        f"v1/empresas/{company}/nfes", pageNumber="0", pageSize="50", sortBy="data_criacao"
    )
    rows = notas.rows("data") or notas.rows("nfes")
    yield _people(answer, rows)
    yield await _documents(answer, asker, company, rows)
    for question, key in (("an unknown idExterno", NOBODYS), ("an idExterno too long", TOO_LONG)):
        seen = await asker.get(f"v1/empresas/{company}/nfes/porIdExterno/{key}")
        yield answer(
            question,
            "ok",
            f"{seen.status} as {seen.kind}, fields: {', '.join(seen.fields()) or 'none'}",
            status=seen.status,
        )
    for question, why in NOT_ASKED.items():
        yield answer(question, "not_asked", why)


def _rate(answer: Learning, own: Seen) -> Learned:
    named = words_only([name for name in own.headers if "rate" in name.lower()])
    words = f"headers: {', '.join(named)}" if named else "no header speaks of one"
    return answer("rate limits", "ok", words, headers=named)


def _aliquot(answer: Learning, own: Seen) -> Learned:
    value = own.body.get("aliquotaIss") if isinstance(own.body, dict) else None
    if not isinstance(value, int | float) or not value:
        return answer("unit of aliquotaIss", "look", "the company has none")
    unit = "a fraction" if value < 0.2 else "percent"  # ISS is 2 to 5 %: 0.02 to 0.05, or 2 to 5
    return answer("unit of aliquotaIss", "ok", unit)


async def _city(answer: Learning, asker: PlainReader, own: Seen) -> Learned:
    address = own.body.get("endereco") if isinstance(own.body, dict) else None
    code = address.get("codigoIbgeCidade") if isinstance(address, dict) else None
    if not str(code or "").isdigit():
        return answer("fields that the city demands", "look", "the company's city has no code")
    seen = await asker.get(f"v1/estados/cidades/{code}/provedor")
    flags = sorted(
        name
        for name, value in (seen.body.items() if isinstance(seen.body, dict) else ())
        if value is True
    )
    return answer(
        "fields that the city demands",
        "ok" if seen.status == 200 else "look",
        f"{seen.status}: {', '.join(words_only(flags)) or 'none said'}",
        fields=words_only(seen.fields()),
    )


def _people(answer: Learning, rows: list[dict[str, Any]]) -> Learned:
    kinds = words_only([(row.get("cliente") or {}).get("tipoPessoa") for row in rows])
    return answer(
        "tipoPessoa, of foreigners too",
        "ok" if kinds else "look",
        f"among {len(rows)} notas: {', '.join(kinds) or 'none said'}",
        kinds=kinds,
    )


async def _documents(
    answer: Learning, asker: PlainReader, company: str, rows: list[dict[str, Any]]
) -> Learned:
    states = Counter(word for row in rows for word in words_only([row.get("status")]))
    waiting = [row for row in rows if row.get("status") not in {"Autorizada", "Cancelada"}]
    told = ", ".join(f"{state} {count}" for state, count in sorted(states.items())) or "none"
    if not waiting or not words_only([waiting[0].get("id")]):
        return answer(
            "PDF before authorisation", "look", f"no nota is waiting ({told})", states=dict(states)
        )
    seen = await asker.get(f"v1/empresas/{company}/nfes/{waiting[0]['id']}/pdf")
    return answer(
        "PDF before authorisation",
        "ok",
        f"{seen.status} as {seen.kind} for one that is {waiting[0].get('status')}",
        status=seen.status,
        states=dict(states),
    )
