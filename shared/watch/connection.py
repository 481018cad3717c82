"""How a tenant is doing: pure judgement over what is known, in words its finance people read."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from shared.db.tenants.connections_store import ConnectionState, Side
from shared.db.vindi.oddities_store import BILLS_UNKNOWN, EVENTS_TOO_MANY
from shared.db.vindi.watch_store import TenantFacts
from shared.domain.messages import message_for

Status = Literal["ok", "degraded", "broken"]
WORSE: Final[dict[Status, int]] = {"ok": 0, "degraded": 1, "broken": 2}

SILENT_PASSES: Final = 3  # that found sales without their events, one event heard in none of them
LATE_PASSES: Final = 3  # intervals without a complete pass before that is worth a word
NO_PASS_FOR: Final = timedelta(hours=1)
MOST_SKEW: Final = timedelta(seconds=60)
REPEATED_FOR: Final = timedelta(hours=48)  # how long Vindi repeats a delivery (section 9.2)
DUE_LATE: Final = timedelta(minutes=5)
DUE_STUCK: Final = timedelta(hours=1)

TROUBLES: Final[dict[str, str]] = {
    "busy": "As requisições da conta na Vindi acabaram por ora; a leitura continua em seguida.",
    "filter_ignored": "A Vindi respondeu fora do filtro pedido.",
    "order_ignored": "A Vindi respondeu fora da ordem pedida.",
    "total_disagrees": "Uma página da Vindi não confere com o total informado.",
    "rows_omitted": "A lista da Vindi repetiu ou omitiu linhas.",
    "never_ends": "A lista da Vindi não termina.",
    "pages_repeat": "A lista da Vindi repete as páginas, e o que vem depois delas não se vê.",
    "internal_error": "A leitura falhou por um erro nosso, que já nos foi avisado.",
    "vindi_unavailable": "A Vindi não deu resposta utilizável.",
    "query_refused": "A Vindi recusou uma leitura que fazemos.",
}


ODD: Final[dict[str, str]] = {
    "no_total": "não dizem quantos registros têm",
    "pages_repeat": "repetem as páginas",
    "lists_ignored": "ignoram a escolha de vários registros de uma vez",
    "lists_refused": "recusam a escolha de vários registros de uma vez",
    "lists_failing": "falham quando vários registros são pedidos de uma vez",
    "not_theirs": "são respondidas com uma página de outro sistema (portal, proxy ou firewall)",
    "charge_ignored": "ignoram a escolha dos estornos por cobrança",
}


FLOODS: Final[dict[str, str]] = {
    BILLS_UNKNOWN: "Chegam muitos eventos de faturas que a conta na Vindi não tem.",
    EVENTS_TOO_MANY: "Chegaram mais eventos do que se guarda em um dia; os demais são recusados.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionCheck:
    """One thing that was looked at; `code` is a stable word, the message Portuguese."""

    code: str
    status: Status
    since: datetime | None
    message: str


def judge(facts: TenantFacts, *, every: timedelta) -> list[ConnectionCheck]:
    """Every check of a tenant; `every` is the interval between passes."""
    checks = [_connection("vindi", facts.vindi, facts.now)]
    if facts.vindi is not None:
        checks += [
            _key(facts.vindi),
            _profile(facts.vindi),
            _last_event(facts),
            _webhook(facts),
            _rejected(facts),
            _flood(facts),
            _last_pass(facts, facts.vindi, every),
            _filters(facts),
            _lists(facts),
            _clock(facts),
        ]
    return [*checks, _connection("issuer", facts.issuer, facts.now), _oldest_due(facts)]


def worst(checks: list[ConnectionCheck]) -> Status:
    """A tenant is as well as its worst check."""
    return max((check.status for check in checks), key=WORSE.__getitem__, default="ok")


def _ok(code: str, message: str, since: datetime | None = None) -> ConnectionCheck:
    return ConnectionCheck(code=code, status="ok", since=since, message=message)


def _connection(side: Side, state: ConnectionState | None, now: datetime) -> ConnectionCheck:
    code = f"{side}_connection"
    if state is None:
        text = message_for(f"{side}_not_connected").text
        return ConnectionCheck(code=code, status="broken", since=None, message=text)
    if state.blocked:
        text = message_for(state.code).text
        return ConnectionCheck(code=code, status="broken", since=state.since, message=text)
    if state.not_before is not None and state.not_before > now:
        text = "Aguardando: o outro lado pediu uma pausa nas chamadas."
        return ConnectionCheck(code=code, status="degraded", since=state.since, message=text)
    return _ok(code, "Conectado.", state.since)


def _key(state: ConnectionState) -> ConnectionCheck:
    if state.code == "vindi_key_refused":
        text = message_for(state.code).text
        return ConnectionCheck(code="vindi_key", status="broken", since=state.since, message=text)
    return _ok("vindi_key", "A Vindi aceita a chave.")


def _profile(state: ConnectionState) -> ConnectionCheck:
    if state.code == "vindi_profile_too_narrow":
        text = message_for(state.code).text
        return ConnectionCheck(
            code="vindi_profile", status="broken", since=state.since, message=text
        )
    return _ok("vindi_profile", "O perfil da chave permite as leituras necessárias.")


def _last_event(facts: TenantFacts) -> ConnectionCheck:
    if facts.last_event is None:
        return _ok("last_event", "Nenhum evento da Vindi guardado.")
    return _ok("last_event", "Último evento recebido da Vindi.", facts.last_event)


def _webhook(facts: TenantFacts) -> ConnectionCheck:
    """Silence against the account's own rhythm: sales that should have had events, and had none."""
    passes = facts.passes
    heard_since = (
        facts.last_event is not None
        and passes.silent_at is not None
        and facts.last_event > passes.silent_at
    )
    if not passes.silent_passes or heard_since:
        return _ok("webhook", "Nenhuma venda sem os seus eventos.")
    if passes.silent_passes < SILENT_PASSES:
        text = "Há vendas cujos eventos da Vindi não chegaram; as vendas não se perderam."
        return ConnectionCheck(
            code="webhook", status="degraded", since=passes.silent_since, message=text
        )
    text = (
        "A Vindi não está enviando eventos, embora haja vendas. Confira o webhook no painel da"
        " Vindi; até lá as vendas são encontradas pela leitura periódica."
    )
    return ConnectionCheck(code="webhook", status="broken", since=passes.silent_since, message=text)


def _rejected(facts: TenantFacts) -> ConnectionCheck:
    """Deliveries under a secret that was replaced: whoever sends them had the tenant's address."""
    code, last = "webhook_rejected", facts.rejected_at
    if last is None or facts.now - last > REPEATED_FOR:
        return _ok(code, "Nenhuma entrega da Vindi recusada.")
    told = f"Entregas da Vindi recusadas: {facts.rejections}, com um endereço que não vale mais."
    if facts.last_event is not None and facts.last_event > last:
        text = f"{told} As últimas foram aceitas; apague o webhook antigo no painel da Vindi."
        return ConnectionCheck(
            code=code, status="degraded", since=facts.rejected_since, message=text
        )
    text = (
        f"{told} A Vindi repete por 48 horas e desiste. Copie o endereço atual do webhook para o"
        " painel da Vindi; as vendas são encontradas pela leitura periódica."
    )
    return ConnectionCheck(code=code, status="broken", since=facts.rejected_since, message=text)


def _last_pass(facts: TenantFacts, vindi: ConnectionState, every: timedelta) -> ConnectionCheck:
    code, passes = "last_pass", facts.passes
    read_until = passes.complete_at or vindi.connected_at
    age = facts.now - read_until
    if age > max(NO_PASS_FOR, LATE_PASSES * every):
        why = TROUBLES.get(passes.error or "", "")
        text = f"A conta na Vindi não é lida inteiramente há muito tempo. {why}".strip()
        return ConnectionCheck(code=code, status="broken", since=read_until, message=text)
    if passes.error is not None:
        text = TROUBLES.get(passes.error) or message_for(passes.error).text
        text = f"A última leitura não foi completa e será repetida. {text}"
        return ConnectionCheck(code=code, status="degraded", since=passes.error_since, message=text)
    if age > LATE_PASSES * every:
        text = "A leitura periódica da conta na Vindi está atrasada."
        return ConnectionCheck(code=code, status="degraded", since=read_until, message=text)
    if passes.complete_at is None:
        return _ok(code, "A primeira leitura da conta na Vindi vem em seguida.")
    return _ok(code, "Última leitura completa da conta na Vindi.", passes.complete_at)


def _filters(facts: TenantFacts) -> ConnectionCheck:
    lanes = facts.passes.plain_lanes
    if not lanes:
        return _ok("vindi_filters", "A Vindi respeita os filtros usados.")
    text = (
        "A Vindi não respeita um filtro nesta conta; ela é lida de outro modo, e mudanças podem"
        " ser vistas mais tarde: " + ", ".join(sorted(lanes)) + "."
    )
    return ConnectionCheck(
        code="vindi_filters", status="degraded", since=facts.passes.plain_since, message=text
    )


def _flood(facts: TenantFacts) -> ConnectionCheck:
    """Events that cannot be meant: whoever sends them has the tenant's address."""
    code = "webhook_flood"
    told = [FLOODS[word] for word in facts.oddities if word in FLOODS]
    if not told:
        return _ok(code, "Os eventos recebidos são desta conta.")
    text = (
        f"{' '.join(told)} Nenhuma venda se perde: a leitura periódica as encontra. Confira se o"
        " webhook foi cadastrado em outra conta da Vindi; se o endereço pode ter vazado, anule-o e"
        " cadastre o novo."
    )
    return ConnectionCheck(code=code, status="degraded", since=facts.odd_since, message=text)


def _lists(facts: TenantFacts) -> ConnectionCheck:
    code = "vindi_lists_odd"
    if not any(word in ODD for word in facts.oddities):
        return _ok(code, "As listas da Vindi vêm como esperado.")
    told = "; ".join(ODD[word] for word in facts.oddities if word in ODD)
    text = (
        "As listas da Vindi vêm de outro modo nesta conta, que por isso é lida mais devagar: "
        f"{told}. Se persistir, avise a Vindi."
    )
    return ConnectionCheck(code=code, status="degraded", since=facts.odd_since, message=text)


def _clock(facts: TenantFacts) -> ConnectionCheck:
    skew = facts.passes.skew_seconds
    if skew is None or abs(skew) <= MOST_SKEW.total_seconds():
        return _ok("clock", "Os relógios conferem.")
    text = f"O relógio da Vindi e o nosso diferem em {skew:.0f} segundos."
    return ConnectionCheck(code="clock", status="degraded", since=None, message=text)


def _oldest_due(facts: TenantFacts) -> ConnectionCheck:
    code, due = "oldest_due", facts.oldest_due
    if due is None or facts.now - due <= DUE_LATE:
        return _ok(code, "Nenhuma venda espera na fila há mais tempo do que o normal.", due)
    stuck = facts.now - due > DUE_STUCK
    text = "Há vendas esperando na fila há mais tempo do que o normal."
    return ConnectionCheck(
        code=code, status="broken" if stuck else "degraded", since=due, message=text
    )
