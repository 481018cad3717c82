"""A month as a page showed it, so that a form of it is told what changed since. Pure."""

from services.panel.kit import say
from services.panel.kit.render import short_name
from services.panel.kit.say import Clock
from services.panel.kit.seen import PageFacts, facts_of
from shared.domain.closing import Closing


def closing_facts(closing: Closing, clock: Clock) -> PageFacts:
    """A month as whoever locks or opens it knew it: its sides, and who has locked it."""
    figures, issuer, lock = closing.figures, closing.issuer, closing.lock
    sides = [
        (
            "Vendas na Vindi",
            say.counted(figures.vindi.bills, "venda", "vendas"),
            figures.vindi.amount,
        ),
        (
            "Com nota válida",
            say.counted(figures.notas.bills, "venda", "vendas"),
            figures.notas.amount,
        ),
        ("Lista do próprio emissor", say.counted(issuer.notas, "nota", "notas"), issuer.amount),
    ]
    state = "Aberto"
    if lock is not None:
        by = short_name(lock.locked_by)
        state = f"Fechado por {by}, {clock.exactly(lock.locked_at)}: {lock.reason}"
    return facts_of(
        [
            ("Mês", state),
            *((name, f"{count}, {say.money(amount)}") for name, count, amount in sides),
            ("Diferença", say.money(figures.difference)),
        ]
    )
