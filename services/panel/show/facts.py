"""What pages of settings show, as the forms on them know it: to tell what changed since. Pure."""

from collections.abc import Sequence

from services.panel.kit import say
from services.panel.kit.render import short_name
from services.panel.kit.say import Clock
from services.panel.kit.seen import PageFacts, facts_of
from services.panel.show.settings import NAMES, connection_facts
from services.panel.texts import text
from shared.db.hooks.status_webhooks_store import StatusWebhook
from shared.db.tenants.brakes_store import BrakeState
from shared.db.tenants.connections_store import IssuerConnection, Side, VindiConnection
from shared.db.tenants.rps_store import Series
from shared.db.tenants.tenants_store import Tenant
from shared.domain.messages import message_for
from shared.domain.people import Role

_ENDING = 6  # letters of an address: enough to tell two apart, and nobody gets in by them


def company_facts(tenant: Tenant) -> PageFacts:
    """A company's name and zone."""
    return facts_of([("Nome da empresa", tenant.name), ("Fuso horário", tenant.timezone)])


def start_facts(tenant: Tenant, clock: Clock) -> PageFacts:
    """Whether notas are issued, and from when."""
    facts = [("Emissão", text(f"tenant.{tenant.status}"))]
    if tenant.active_from:
        facts.append(("Início", clock.exactly(tenant.active_from)))
    return facts_of(facts)


def side_facts(side: Side, found: VindiConnection | IssuerConnection | None) -> PageFacts:
    """Whose account a connection is, and with which key."""
    if found is None:
        return facts_of([(NAMES[side], "não conectado")])
    return facts_of(connection_facts(found))


def address_facts(url: str) -> PageFacts:
    """Which address is in use, without showing it."""
    return facts_of([("Endereço", f"terminado em {url[-_ENDING:]}")])


def hook_facts(hook: StatusWebhook | None) -> PageFacts:
    """Where the company's own system hears, and by which key."""
    if hook is None:
        return facts_of([("Endereço", "nenhum")])
    return facts_of([("Endereço", hook.url), ("Chave", f"terminada em {hook.secret[-4:]}")])


def limits_facts(state: BrakeState) -> PageFacts:
    """What a day may bring."""
    limits = state.limits
    days = limits.old_days
    return facts_of(
        [
            ("Notas por dia", say.number(limits.notas_a_day) if limits.notas_a_day else ""),
            ("Valor por dia", say.money(limits.amount_a_day) if limits.amount_a_day else ""),
            ("Valor de uma nota", say.money(limits.amount_a_nota) if limits.amount_a_nota else ""),
            ("Vendas antigas", say.counted(days, "dia", "dias") if days else ""),
            ("Parar no que é fora do comum", "sim" if limits.unusual else "não"),
        ]
    )


def brake_facts(state: BrakeState, clock: Clock) -> PageFacts:
    """What stopped issuing, and when."""
    if state.code is None:
        return facts_of([("Limite", "nenhum parou a emissão")])
    since = clock.exactly(state.braked_at) if state.braked_at else ""
    return facts_of([("Limite", message_for(state.code).text), ("Desde", since)])


def role_facts(name: str, role: Role | None) -> PageFacts:
    """What somebody is at a company; None: not there."""
    return facts_of([(f"Papel de {name}", text(f"role.{role}") if role else "sem acesso")])


def series_facts(series: Sequence[Series], clock: Clock) -> PageFacts:
    """What people said of the series in use: numbers go on by themselves, and are no change."""
    used = [one for one in series if one.in_use]
    facts = (
        (
            f"Série {one.series}",
            f"{short_name(one.set_by)}, {clock.exactly(one.set_at)}: {one.reason}",
        )
        for one in used
    )
    return PageFacts(" ".join(one.set_at.isoformat() for one in used), tuple(facts))
