"""A rule that states what the tenant's issuer has no field for is refused, with each field."""

from services.reconciler.api.kit.problem import FieldProblem, Problem
from services.reconciler.services import Services
from shared.db.tenants import connections_store
from shared.domain.fields.words import untaken_by
from shared.domain.ids import TenantId
from shared.domain.rule import Rule

CODE = "issuer_lacks_field"
SUBSTITUTION = "substitution"


async def refuse_untaken(services: Services, tenant: TenantId, rule: Rule) -> None:
    """Raise the Problem that names them; before an issuer is connected nothing is known to lack.

    One connected later, or another one, holds the sales whose notas say what it does not take.
    """
    async with services.pool.acquire() as conn:
        connection = await connections_store.get_issuer(conn, services.sealer, tenant)
    if connection is None:
        return
    capabilities = services.clients.issuer(connection).capabilities
    untaken = untaken_by(rule, capabilities.fields)
    if rule.reissue == "substitute" and not capabilities.substitutes:
        untaken.append((("reissue",), SUBSTITUTION))
    if untaken:
        raise Problem(
            422,
            CODE,
            "The connected issuer does not take every field of this rule.",
            errors=tuple(
                FieldProblem(
                    field=".".join(place), message=f"{word}: o emissor conectado não aceita"
                )
                for place, word in untaken
            ),
        )
