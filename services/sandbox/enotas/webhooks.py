"""Status webhooks of eNotas, with everything that goes wrong on the way."""

import random
from typing import Final

from services.sandbox.courier import Courier, Parcel
from services.sandbox.enotas.records import FINAL, Company, EnotasKey, Nota
from services.sandbox.enotas.render import webhook_body
from services.sandbox.wire import dump

PATIENCE: Final = 20.0  # not documented


class StatusWebhooks:
    """Tells the account of a nota's final status."""

    def __init__(self, courier: Courier, keys: dict[str, EnotasKey]) -> None:
        self._courier = courier
        self._keys = keys
        self._rng = random.Random(8)  # noqa: S311 (faults must repeat, not surprise)

    def tell(self, company: Company, nota: Nota, *, at: float) -> None:
        """Send the webhook of the present status, as the company's switches will have it."""
        faults = company.faults
        if faults.webhooks == "off" or nota.status not in FINAL:
            return
        body = dump(webhook_body(company, nota))
        for _ in range(1 + faults.webhook_duplicates):
            held = self._rng.uniform(0, faults.webhook_reorder_seconds)
            self.post(company, body, label=f"{nota.status} {nota.id}",
                      at=at + faults.webhook_delay + held)  # fmt: skip

    def tell_early(self, company: Company, nota: Nota) -> None:
        """Send a webhook of a nota whose POST has not been answered yet."""
        body = webhook_body(company, nota) | {"nfeStatus": "Autorizada"}
        self.post(company, dump(body), label=f"early {nota.id}")

    def forge(self, company: Company, nota_id: str, status: str) -> Parcel | None:
        """Send a webhook that is not true."""
        body = {
            "tipo": "NFS-e", "empresaId": company.id.upper(), "nfeId": nota_id,
            "nfeIdExterno": "", "nfeStatus": status, "nfeMotivoStatus": None,
            "nfeNumero": "666", "nfeCodigoVerificacao": "FALSA",
        }  # fmt: skip
        return self.post(company, dump(body), label=f"forged {nota_id}")

    def post(
        self, company: Company, body: bytes, *, label: str, at: float | None = None
    ) -> Parcel | None:
        """Send any body to the account of a company; None if it wants no webhooks."""
        key = self._keys.get(company.key)
        if key is None or key.webhook_url is None:
            return None
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if key.webhook_header is not None:
            name, value = key.webhook_header
            headers[name] = "wrong" if company.faults.webhook_wrong_header else value
        return self._courier.post(
            key.webhook_url, lambda: body, label=label, headers=headers, at=at,
            patience=PATIENCE, ladder=company.faults.webhook_ladder,
        )  # fmt: skip
