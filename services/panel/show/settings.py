"""Connections and the company as its finance people read them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.panel.kit import say
from services.panel.show.overview import divided
from services.panel.show.setup import refusal
from shared.commands.prove_connections import GOOD, INCOMPLETE, Proof
from shared.db.tenants.connections_store import IssuerConnection, Side, VindiConnection
from shared.domain.cities import city_named
from shared.domain.company_facts import CompanyFacts
from shared.domain.messages import message_for
from shared.domain.party import normalise_document

SOON: Final = timedelta(days=30)  # a new certificate takes some days to buy
NAMES: Final[dict[Side, str]] = {"vindi": "Vindi", "issuer": "eNotas"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionShown:
    """One side: how it is, and whose account it is."""

    name: str
    there: bool
    label: str
    tone: str
    trouble: str  # what is wrong and what to do
    facts: Sequence[tuple[str, str]]
    connected_at: datetime | None
    checked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyShown:
    """The company as the issuer has it; `warning` is about its certificate."""

    facts: Sequence[tuple[str, str]]
    warning: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofShown:
    """What a try of a connection showed."""

    title: str
    text: str
    tone: str


def connection_shown(
    side: Side, found: VindiConnection | IssuerConnection | None, checked_at: datetime | None
) -> ConnectionShown:
    """A connection as a person sees it."""
    if found is None:
        return ConnectionShown(
            name=NAMES[side],
            there=False,
            label="Não conectado",
            tone="plain",
            trouble="",
            facts=(),
            connected_at=None,
            checked_at=None,
        )
    blocked = found.state.blocked
    return ConnectionShown(
        name=NAMES[side],
        there=True,
        label="Precisa de atenção" if blocked else "Conectado",
        tone="bad" if blocked else "good",
        trouble=message_for(found.state.code).text if blocked else "",
        facts=connection_facts(found),
        connected_at=found.state.connected_at,
        checked_at=checked_at,
    )


def connection_facts(found: VindiConnection | IssuerConnection) -> list[tuple[str, str]]:
    """Whose account a connection is, where, and the end of its key."""
    if isinstance(found, VindiConnection):
        where = "Produção" if found.environment == "production" else "Conta de testes"
        facts = [("Conta", found.merchant_name), ("Ambiente", where)]
        if found.registry_code:
            facts.insert(1, ("CNPJ", _document(found.registry_code)))
    else:
        real = found.environment == "Producao"
        where = "Produção: as notas valem" if real else "Homologação: notas de teste"
        facts = [("Empresa", found.company_name), ("Ambiente", where)]
    return [*facts, ("Chave", f"terminada em {found.key_hint}")]


def company_shown(
    issuer: IssuerConnection | None, facts: CompanyFacts | None, today: date
) -> CompanyShown | None:
    """The company's fiscal data; None while no issuer is connected."""
    if issuer is None:
        return None
    known = facts or CompanyFacts()
    shown = [("Razão social", issuer.company_name)]
    if issuer.company_cnpj:
        shown.append(("CNPJ", _document(issuer.company_cnpj)))
    city = city_named(known.city) if known.city else None
    simples = {True: "Sim", False: "Não", None: None}[known.simples]
    until = known.certificate_until
    for label, value in (
        ("Inscrição municipal", known.municipal_registration),
        ("Município", city or known.city),
        ("Optante pelo Simples Nacional", simples),
        ("Código do serviço no município", known.service),
        ("Item da lista de serviços (LC 116)", known.lc116),
        ("CNAE", known.cnae),
        ("Certificado digital", f"vale até {say.day(until)}" if until else None),
    ):
        if value:
            shown.append((label, value))
    warning, tone = _about(until, today)
    return CompanyShown(facts=shown, warning=warning, tone=tone)


def _about(until: date | None, today: date) -> tuple[str, str]:
    if until is None:
        return "", "plain"
    if until < today:
        said = f"O certificado digital venceu em {say.day(until)}: nenhuma nota é autorizada."
        return f"{said} Envie um novo certificado A1 no painel do eNotas.", "bad"
    if until - today <= SOON:
        left = say.counted((until - today).days, "dia", "dias")
        said = f"O certificado digital vence em {left}."
        return f"{said} Compre o novo e envie-o no painel do eNotas antes disso.", "warn"
    return "", "plain"


def proof_shown(proof: Proof) -> ProofShown:
    """What came of a try, and what to do."""
    name = NAMES[proof.side]
    if proof.code == GOOD:
        title = f"{name}: a conexão funciona."
        return ProofShown(title=title, text="Tudo o que precisamos ler foi lido.", tone="good")
    if proof.code == INCOMPLETE:
        return ProofShown(
            title=f"{name}: a conexão funciona, e o cadastro não está completo.",
            text=refusal(INCOMPLETE, proof.missing),
            tone="warn",
        )
    if proof.code.endswith("_unreachable"):
        text = f"{name} não respondeu agora. Tente de novo em um minuto."
        return ProofShown(title=f"{name}: sem resposta", text=text, tone="warn")
    first, rest = divided(message_for(proof.code).text)
    return ProofShown(title=f"{name}: {first}", text=rest, tone="bad")


def _document(text: str) -> str:
    """`11.222.333/0001-81`, as Brazilians write a CNPJ; anything else as it is."""
    bare = normalise_document(text) or ""
    if len(bare) != 14:
        return text
    return f"{bare[:2]}.{bare[2:5]}.{bare[5:8]}/{bare[8:12]}-{bare[12:]}"
