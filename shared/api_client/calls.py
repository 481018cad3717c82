"""Every call of the internal API, typed.

Written by `python -m deploy.api_client` from the description: change that instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from shared.api_client.models import (
    AcceptanceOut,
    AcceptedList,
    AcceptedOut,
    Activate,
    ActivityList,
    ActivityOfAll,
    AllSeriesOut,
    AmountIn,
    BackfillList,
    BackfillNew,
    BackfillOut,
    ClosingOut,
    CodeList,
    CreditListOut,
    DeepCheckOut,
    DeliveryList,
    DenialsOut,
    DepartureIn,
    DepartureList,
    DepartureOut,
    DifferenceOut,
    DifferencesOut,
    ErasureIn,
    ErasureList,
    ErasureOut,
    GivenNumbersOut,
    HealthOut,
    InvitationIn,
    InvitationOut,
    IssueIn,
    IssuerIn,
    IssuerOut,
    LimitsIn,
    LimitsOut,
    LockIn,
    LockOut,
    ManyIn,
    ManyOut,
    NewSecretIn,
    NextNumberIn,
    PartIn,
    Pause,
    PersonExportIn,
    PreviewOut,
    QueuedOut,
    ReasonIn,
    ReleasedOut,
    RemovedOut,
    ResentOut,
    RestoresOut,
    RetriedOut,
    RevokedOut,
    RuleAsked,
    RuleList,
    RuleOut,
    RulePreview,
    RuleTold,
    SaleList,
    SalesSearch,
    SaleStatus,
    SaleStoryOut,
    SampleAsked,
    SampleOut,
    SelectionIn,
    SeriesOut,
    StatedOut,
    StatementIn,
    StatusWebhookIn,
    StatusWebhookOut,
    TableList,
    TenantChange,
    TenantList,
    TenantNew,
    TenantOut,
    UnknownDenialsOut,
    VindiIn,
    VindiOut,
    WebhookOut,
)
from shared.api_client.transport import ApiTransport


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalApiClient:
    """The internal API, a method a call; each raises CallRefused and ApiAway.

    Bodies and answers are dictionaries of the shape that `models` says. What they mean is told by
    the reference, `/internal/docs`.
    """

    transport: ApiTransport

    async def add_tenant(self, *, body: TenantNew, idempotency_key: str | None = None) -> TenantOut:
        """Add a tenant."""
        return cast(
            "TenantOut",
            await self.transport.json(
                "POST", "/tenants", body=body, idempotency_key=idempotency_key
            ),
        )

    async def list_tenants(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> TenantList:
        """List tenants, the oldest first."""
        return cast(
            "TenantList",
            await self.transport.json("GET", "/tenants", query={"limit": limit, "cursor": cursor}),
        )

    async def get_tenant(self, tenant_id: str | int) -> TenantOut:
        """Show a tenant."""
        return cast(
            "TenantOut",
            await self.transport.json("GET", "/tenants/{tenant_id}", path={"tenant_id": tenant_id}),
        )

    async def change_tenant(self, tenant_id: str | int, *, body: TenantChange) -> TenantOut:
        """Change a tenant's name, plan or zone."""
        return cast(
            "TenantOut",
            await self.transport.json(
                "PATCH", "/tenants/{tenant_id}", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def activate_tenant(
        self, tenant_id: str | int, *, body: Activate | None = None
    ) -> TenantOut:
        """Issue notas from now on, or go on after a pause."""
        return cast(
            "TenantOut",
            await self.transport.json(
                "POST", "/tenants/{tenant_id}/activate", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def enter_shadow(self, tenant_id: str | int) -> TenantOut:
        """Decide each sale from now on, and issue nothing."""
        return cast(
            "TenantOut",
            await self.transport.json(
                "POST", "/tenants/{tenant_id}/shadow", path={"tenant_id": tenant_id}
            ),
        )

    async def leave_shadow(self, tenant_id: str | int) -> TenantOut:
        """Leave shadow mode without issuing."""
        return cast(
            "TenantOut",
            await self.transport.json(
                "DELETE", "/tenants/{tenant_id}/shadow", path={"tenant_id": tenant_id}
            ),
        )

    async def pause_tenant(self, tenant_id: str | int, *, body: Pause | None = None) -> TenantOut:
        """Issue and cancel nothing until activated again."""
        return cast(
            "TenantOut",
            await self.transport.json(
                "POST", "/tenants/{tenant_id}/pause", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def connect_vindi(self, tenant_id: str | int, *, body: VindiIn) -> VindiOut:
        """Connect Vindi; the key is checked before it is stored."""
        return cast(
            "VindiOut",
            await self.transport.json(
                "PUT", "/tenants/{tenant_id}/vindi", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def new_webhook_secret(
        self,
        tenant_id: str | int,
        *,
        body: NewSecretIn | None = None,
        idempotency_key: str | None = None,
    ) -> WebhookOut:
        """Make a new webhook address; the old one is heard for 72 hours more, or revoked."""
        return cast(
            "WebhookOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/vindi/webhook-secret",
                path={"tenant_id": tenant_id},
                body=body,
                idempotency_key=idempotency_key,
            ),
        )

    async def new_issuer_webhook_secret(
        self,
        tenant_id: str | int,
        *,
        body: NewSecretIn | None = None,
        idempotency_key: str | None = None,
    ) -> WebhookOut:
        """The same for the address that the issuer tells of its notas."""
        return cast(
            "WebhookOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/issuer/webhook-secret",
                path={"tenant_id": tenant_id},
                body=body,
                idempotency_key=idempotency_key,
            ),
        )

    async def connect_issuer(self, tenant_id: str | int, *, body: IssuerIn) -> IssuerOut:
        """Connect the issuer; key and company are checked before they are stored."""
        return cast(
            "IssuerOut",
            await self.transport.json(
                "PUT", "/tenants/{tenant_id}/issuer", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def list_rps_series(self, tenant_id: str | int) -> AllSeriesOut:
        """Show the RPS series that the company numbers by itself, and where each goes on."""
        return cast(
            "AllSeriesOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/issuer/rps-series", path={"tenant_id": tenant_id}
            ),
        )

    async def put_rps_series(
        self, tenant_id: str | int, series: str | int, *, body: NextNumberIn
    ) -> SeriesOut:
        """Say which number of an RPS series comes next."""
        return cast(
            "SeriesOut",
            await self.transport.json(
                "PUT",
                "/tenants/{tenant_id}/issuer/rps-series/{series}",
                path={"tenant_id": tenant_id, "series": series},
                body=body,
            ),
        )

    async def list_rps_numbers(
        self,
        tenant_id: str | int,
        series: str | int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> GivenNumbersOut:
        """Show each RPS number handed out and what became of it: gaps are explained here."""
        return cast(
            "GivenNumbersOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/issuer/rps-series/{series}/numbers",
                path={"tenant_id": tenant_id, "series": series},
                query={"limit": limit, "cursor": cursor},
            ),
        )

    async def put_rule(self, tenant_id: str | int, *, body: RuleTold) -> RuleOut:
        """Put a rule in force as a new version; unsent sales are decided again."""
        return cast(
            "RuleOut",
            await self.transport.json(
                "PUT", "/tenants/{tenant_id}/rule", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def get_rule(self, tenant_id: str | int) -> RuleOut:
        """Show the rule in force."""
        return cast(
            "RuleOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/rule", path={"tenant_id": tenant_id}
            ),
        )

    async def compare_rule(self, tenant_id: str | int, *, body: RuleAsked) -> DifferenceOut:
        """Tell what a rule would change for sales not yet sent; changes nothing."""
        return cast(
            "DifferenceOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/rule/difference",
                path={"tenant_id": tenant_id},
                body=body,
            ),
        )

    async def list_rule_versions(
        self, tenant_id: str | int, *, limit: int | None = None, cursor: str | None = None
    ) -> RuleList:
        """List all versions of the rule, the newest first."""
        return cast(
            "RuleList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/rule/versions",
                path={"tenant_id": tenant_id},
                query={"limit": limit, "cursor": cursor},
            ),
        )

    async def list_tables(self) -> TableList:
        """Name the official tables that rules are held against."""
        return cast("TableList", await self.transport.json("GET", "/tables"))

    async def find_codes(
        self,
        table: str | int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        q: str | None = None,
    ) -> CodeList:
        """Find codes of an official table by words."""
        return cast(
            "CodeList",
            await self.transport.json(
                "GET",
                "/tables/{table}",
                path={"table": table},
                query={"limit": limit, "cursor": cursor, "q": q},
            ),
        )

    async def get_tenant_health(self, tenant_id: str | int) -> HealthOut:
        """Show what stops a tenant, and since when."""
        return cast(
            "HealthOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/health", path={"tenant_id": tenant_id}
            ),
        )

    async def count_activity(
        self, *, since: str, until: str, limit: int | None = None, cursor: str | None = None
    ) -> ActivityOfAll:
        """Count what happened between two instants at each tenant, and name who acted."""
        return cast(
            "ActivityOfAll",
            await self.transport.json(
                "GET",
                "/activity",
                query={"limit": limit, "cursor": cursor, "since": since, "until": until},
            ),
        )

    async def list_activity(
        self,
        tenant_id: str | int,
        *,
        since: str,
        until: str,
        limit: int | None = None,
        cursor: str | None = None,
        kind: Literal["act", "heard", "sale"] | None = None,
    ) -> ActivityList:
        """Show what happened at a tenant between two instants: events heard, decisions, notas, and
        what people did, by their time.
        """
        return cast(
            "ActivityList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/activity",
                path={"tenant_id": tenant_id},
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "since": since,
                    "until": until,
                    "kind": kind,
                },
            ),
        )

    async def act_on_sales(self, tenant_id: str | int, *, body: ManyIn) -> ManyOut:
        """Ask for one action on many sales at once."""
        return cast(
            "ManyOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/actions",
                path={"tenant_id": tenant_id},
                body=body,
            ),
        )

    async def cancel_sale(
        self, tenant_id: str | int, bill_id: str | int, *, body: PartIn
    ) -> AcceptedOut:
        """Cancel the nota, or never issue it."""
        return cast(
            "AcceptedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/{bill_id}/cancel",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
                body=body,
            ),
        )

    async def issue_sale(
        self, tenant_id: str | int, bill_id: str | int, *, body: IssueIn
    ) -> AcceptedOut:
        """Issue now, whatever the rule says about when."""
        return cast(
            "AcceptedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/{bill_id}/issue",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
                body=body,
            ),
        )

    async def release_sale(
        self, tenant_id: str | int, bill_id: str | int, *, body: AmountIn
    ) -> AcceptedOut:
        """Let a held sale go on: issue what waits for a person's word alone."""
        return cast(
            "AcceptedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/{bill_id}/release",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
                body=body,
            ),
        )

    async def hold_sale(
        self, tenant_id: str | int, bill_id: str | int, *, body: ReasonIn
    ) -> AcceptedOut:
        """Keep a sale from being issued."""
        return cast(
            "AcceptedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/{bill_id}/hold",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
                body=body,
            ),
        )

    async def retry_sale(
        self, tenant_id: str | int, bill_id: str | int, *, body: PartIn
    ) -> AcceptedOut:
        """Try again: re-send a denied nota with the day it has, decide a held sale afresh."""
        return cast(
            "AcceptedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/{bill_id}/retry",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
                body=body,
            ),
        )

    async def list_sales(
        self,
        tenant_id: str | int,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: SaleStatus | None = None,
        code: str | None = None,
        since: str | None = None,
        until: str | None = None,
        q: str | None = None,
    ) -> SaleList:
        """List sales, the newest bill first."""
        return cast(
            "SaleList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/sales",
                path={"tenant_id": tenant_id},
                query={
                    "limit": limit,
                    "cursor": cursor,
                    "status": status,
                    "code": code,
                    "since": since,
                    "until": until,
                    "q": q,
                },
            ),
        )

    async def search_sales(
        self, tenant_id: str | int, *, body: SalesSearch | None = None
    ) -> SaleList:
        """List sales, looked for by a document too, the newest bill first."""
        return cast(
            "SaleList",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/search",
                path={"tenant_id": tenant_id},
                body=body,
            ),
        )

    async def get_sale(self, tenant_id: str | int, bill_id: str | int) -> SaleStoryOut:
        """Show what became of a bill, and why."""
        return cast(
            "SaleStoryOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/sales/{bill_id}",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
            ),
        )

    async def get_pdf(
        self, tenant_id: str | int, bill_id: str | int, *, part: int | None = None
    ) -> bytes:
        """Fetch the PDF of the newest nota from the issuer."""
        return await self.transport.bytes(
            "/tenants/{tenant_id}/sales/{bill_id}/pdf",
            path={"tenant_id": tenant_id, "bill_id": bill_id},
            query={"part": part},
        )

    async def get_xml(
        self, tenant_id: str | int, bill_id: str | int, *, part: int | None = None
    ) -> bytes:
        """Fetch the XML of the newest nota from the issuer."""
        return await self.transport.bytes(
            "/tenants/{tenant_id}/sales/{bill_id}/xml",
            path={"tenant_id": tenant_id, "bill_id": bill_id},
            query={"part": part},
        )

    async def add_backfill(
        self, tenant_id: str | int, *, body: BackfillNew, idempotency_key: str | None = None
    ) -> QueuedOut:
        """Bring in past sales, or preview that."""
        return cast(
            "QueuedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/backfills",
                path={"tenant_id": tenant_id},
                body=body,
                idempotency_key=idempotency_key,
            ),
        )

    async def list_backfills(
        self, tenant_id: str | int, *, limit: int | None = None, cursor: str | None = None
    ) -> BackfillList:
        """List a tenant's backfills, the newest first."""
        return cast(
            "BackfillList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/backfills",
                path={"tenant_id": tenant_id},
                query={"limit": limit, "cursor": cursor},
            ),
        )

    async def preview_rule(
        self, tenant_id: str | int, *, body: RulePreview, idempotency_key: str | None = None
    ) -> PreviewOut:
        """Preview what would become of past sales under another rule."""
        return cast(
            "PreviewOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/rule/preview",
                path={"tenant_id": tenant_id},
                body=body,
                idempotency_key=idempotency_key,
            ),
        )

    async def get_backfill(self, backfill_id: str | int) -> BackfillOut:
        """Show a backfill: its progress, or what came of it."""
        return cast(
            "BackfillOut",
            await self.transport.json(
                "GET", "/backfills/{backfill_id}", path={"backfill_id": backfill_id}
            ),
        )

    async def cancel_backfill(self, backfill_id: str | int) -> BackfillOut:
        """Stop a backfill at the next batch; what it did stays."""
        return cast(
            "BackfillOut",
            await self.transport.json(
                "POST", "/backfills/{backfill_id}/cancel", path={"backfill_id": backfill_id}
            ),
        )

    async def list_denials(self, tenant_id: str | int) -> DenialsOut:
        """Show denied notas by cause: how many, how much, who acts."""
        return cast(
            "DenialsOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/denials", path={"tenant_id": tenant_id}
            ),
        )

    async def retry_denials(
        self, tenant_id: str | int, group: str | int, *, body: ReasonIn
    ) -> RetriedOut:
        """Send all denied notas of one cause again."""
        return cast(
            "RetriedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/denials/{group}/retry",
                path={"tenant_id": tenant_id, "group": group},
                body=body,
            ),
        )

    async def list_unknown_denials(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> UnknownDenialsOut:
        """Show the refusals that the catalogue does not know, of all tenants, masked."""
        return cast(
            "UnknownDenialsOut",
            await self.transport.json(
                "GET",
                "/denials/unknown",
                query={"limit": limit, "cursor": cursor, "since": since, "until": until},
            ),
        )

    async def get_limits(self, tenant_id: str | int) -> LimitsOut:
        """Show what may be issued in a day, and whether a brake is on."""
        return cast(
            "LimitsOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/limits", path={"tenant_id": tenant_id}
            ),
        )

    async def put_limits(self, tenant_id: str | int, *, body: LimitsIn) -> LimitsOut:
        """Limit notas and money a day, and money a nota."""
        return cast(
            "LimitsOut",
            await self.transport.json(
                "PUT", "/tenants/{tenant_id}/limits", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def release_brake(self, tenant_id: str | int, *, body: ReasonIn) -> ReleasedOut:
        """Let issuing go on, the held sales first."""
        return cast(
            "ReleasedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/limits/release",
                path={"tenant_id": tenant_id},
                body=body,
            ),
        )

    async def list_restores(self) -> RestoresOut:
        """Show when the database was restored, and how far that is made up for."""
        return cast("RestoresOut", await self.transport.json("GET", "/restores"))

    async def add_invitation(self, tenant_id: str | int, *, body: InvitationIn) -> InvitationOut:
        """Invite somebody to the tenant's panel; a link for once."""
        return cast(
            "InvitationOut",
            await self.transport.json(
                "POST", "/tenants/{tenant_id}/invitations", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def erase_customer(
        self, tenant_id: str | int, *, body: ErasureIn, idempotency_key: str | None = None
    ) -> ErasureOut:
        """Erase one customer of a tenant, as far as no law keeps them."""
        return cast(
            "ErasureOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/privacy/erasures",
                path={"tenant_id": tenant_id},
                body=body,
                idempotency_key=idempotency_key,
            ),
        )

    async def list_erasures(
        self, tenant_id: str | int, *, limit: int | None = None, cursor: str | None = None
    ) -> ErasureList:
        """List the erasures of a tenant, the newest first."""
        return cast(
            "ErasureList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/privacy/erasures",
                path={"tenant_id": tenant_id},
                query={"limit": limit, "cursor": cursor},
            ),
        )

    async def get_erasure(self, tenant_id: str | int, erasure_id: str | int) -> ErasureOut:
        """Show what an erasure took, what stays, and until when."""
        return cast(
            "ErasureOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/privacy/erasures/{erasure_id}",
                path={"tenant_id": tenant_id, "erasure_id": erasure_id},
            ),
        )

    async def export_customer(self, tenant_id: str | int, *, body: PersonExportIn) -> bytes:
        """Give out all that is kept of one customer, as JSON or as a page in Portuguese."""
        return await self.transport.bytes(
            "/tenants/{tenant_id}/privacy/export", path={"tenant_id": tenant_id}, body=body
        )

    async def export_tenant(self, tenant_id: str | int) -> bytes:
        """Everything of a tenant but keys as ZIP: rows as JSON, closings as CSV."""
        return await self.transport.bytes(
            "/tenants/{tenant_id}/export", path={"tenant_id": tenant_id}
        )

    async def ask_departure(self, tenant_id: str | int, *, body: DepartureIn) -> DepartureOut:
        """Disconnect a tenant at once, and have it deleted after some days."""
        return cast(
            "DepartureOut",
            await self.transport.json(
                "POST", "/tenants/{tenant_id}/departure", path={"tenant_id": tenant_id}, body=body
            ),
        )

    async def get_departure(self, tenant_id: str | int) -> DepartureOut:
        """Show how a tenant's leaving stands."""
        return cast(
            "DepartureOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/departure", path={"tenant_id": tenant_id}
            ),
        )

    async def cancel_departure(self, tenant_id: str | int) -> DepartureOut:
        """Let a tenant stay that was to be deleted; its keys have to be entered again."""
        return cast(
            "DepartureOut",
            await self.transport.json(
                "DELETE", "/tenants/{tenant_id}/departure", path={"tenant_id": tenant_id}
            ),
        )

    async def list_departures(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> DepartureList:
        """List tenants that leave or left, the newest first."""
        return cast(
            "DepartureList",
            await self.transport.json(
                "GET", "/departures", query={"limit": limit, "cursor": cursor}
            ),
        )

    async def look_at_departure(self, departed: str | int) -> DepartureOut:
        """Show a leaving, also of a tenant that is no more, and what was deleted of it."""
        return cast(
            "DepartureOut",
            await self.transport.json("GET", "/departures/{departed}", path={"departed": departed}),
        )

    async def ask_test_nota(
        self,
        tenant_id: str | int,
        *,
        body: SampleAsked | None = None,
        idempotency_key: str | None = None,
    ) -> SampleOut:
        """Have one nota made in the issuer's test environment, of a real bill."""
        return cast(
            "SampleOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/test-nota",
                path={"tenant_id": tenant_id},
                body=body,
                idempotency_key=idempotency_key,
            ),
        )

    async def look_at_test_nota(self, tenant_id: str | int, key: str | int) -> SampleOut:
        """How a test nota stands."""
        return cast(
            "SampleOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/test-nota/{key}",
                path={"tenant_id": tenant_id, "key": key},
            ),
        )

    async def get_test_nota_pdf(self, tenant_id: str | int, key: str | int) -> bytes:
        """Fetch the PDF of a test nota."""
        return await self.transport.bytes(
            "/tenants/{tenant_id}/test-nota/{key}/pdf", path={"tenant_id": tenant_id, "key": key}
        )

    async def state_nota(
        self, tenant_id: str | int, bill_id: str | int, *, body: StatementIn
    ) -> StatedOut:
        """State what the city hall shows: of a nota in doubt whether it exists, of a valid one that
        it was cancelled there.
        """
        return cast(
            "StatedOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/sales/{bill_id}/state-nota",
                path={"tenant_id": tenant_id, "bill_id": bill_id},
                body=body,
            ),
        )

    async def put_status_webhook(
        self, tenant_id: str | int, *, body: StatusWebhookIn
    ) -> StatusWebhookOut:
        """Say where changes of sales are told, signed by Standard Webhooks."""
        return cast(
            "StatusWebhookOut",
            await self.transport.json(
                "PUT",
                "/tenants/{tenant_id}/status-webhook",
                path={"tenant_id": tenant_id},
                body=body,
            ),
        )

    async def get_status_webhook(self, tenant_id: str | int) -> StatusWebhookOut:
        """Show where changes of sales are told."""
        return cast(
            "StatusWebhookOut",
            await self.transport.json(
                "GET", "/tenants/{tenant_id}/status-webhook", path={"tenant_id": tenant_id}
            ),
        )

    async def delete_status_webhook(self, tenant_id: str | int) -> RemovedOut:
        """Tell changes of sales to nobody any more."""
        return cast(
            "RemovedOut",
            await self.transport.json(
                "DELETE", "/tenants/{tenant_id}/status-webhook", path={"tenant_id": tenant_id}
            ),
        )

    async def list_status_deliveries(
        self, tenant_id: str | int, *, limit: int | None = None, cursor: str | None = None
    ) -> DeliveryList:
        """List deliveries, the newest first."""
        return cast(
            "DeliveryList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/status-webhook/deliveries",
                path={"tenant_id": tenant_id},
                query={"limit": limit, "cursor": cursor},
            ),
        )

    async def try_status_webhook(self, tenant_id: str | int) -> ResentOut:
        """Send a message about no sale (`webhook.test`), signed like every other."""
        return cast(
            "ResentOut",
            await self.transport.json(
                "POST", "/tenants/{tenant_id}/status-webhook/test", path={"tenant_id": tenant_id}
            ),
        )

    async def resend_status_delivery(
        self, tenant_id: str | int, delivery_id: str | int
    ) -> ResentOut:
        """Deliver once more, under the same message id."""
        return cast(
            "ResentOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/status-webhook/deliveries/{delivery_id}/resend",
                path={"tenant_id": tenant_id, "delivery_id": delivery_id},
            ),
        )

    async def export_closing(self, tenant_id: str | int, *, month: str) -> bytes:
        """The XML and PDF of every valid nota of a month as ZIP, with the SHA-256 of each in
        manifest.csv, which also names what the issuer did not give.
        """
        return await self.transport.bytes(
            "/tenants/{tenant_id}/closing/export",
            path={"tenant_id": tenant_id},
            query={"month": month},
        )

    async def get_closing(self, tenant_id: str | int, *, month: str) -> ClosingOut:
        """Close a month: Vindi against notas and named exceptions, and its notas as they are filed;
        as CSV, a line a bill (UTF-8, comma between fields, point before cents), as CSV for Excel
        in Brazil, or as a workbook (`format`, or Accept).
        """
        return cast(
            "ClosingOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/closing",
                path={"tenant_id": tenant_id},
                query={"month": month},
            ),
        )

    async def lock_closing(
        self, tenant_id: str | int, month: str | int, *, body: LockIn
    ) -> LockOut:
        """Lock a month: no nota is dated into it, and later changes show as adjustments."""
        return cast(
            "LockOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/closing/{month}/lock",
                path={"tenant_id": tenant_id, "month": month},
                body=body,
            ),
        )

    async def unlock_closing(
        self, tenant_id: str | int, month: str | int, *, body: ReasonIn
    ) -> LockOut:
        """Open a locked month again, and what it held; the answer is the lock it had."""
        return cast(
            "LockOut",
            await self.transport.json(
                "DELETE",
                "/tenants/{tenant_id}/closing/{month}/lock",
                path={"tenant_id": tenant_id, "month": month},
                body=body,
            ),
        )

    async def check_closing(self, tenant_id: str | int, month: str | int) -> DeepCheckOut:
        """Read every bill of a month again, and look for bills that were never read."""
        return cast(
            "DeepCheckOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/closing/{month}/check",
                path={"tenant_id": tenant_id, "month": month},
            ),
        )

    async def get_closing_check(self, tenant_id: str | int, month: str | int) -> DeepCheckOut:
        """Show how far the last check of a month is, and what it found."""
        return cast(
            "DeepCheckOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/closing/{month}/check",
                path={"tenant_id": tenant_id, "month": month},
            ),
        )

    async def list_closing_differences(
        self,
        tenant_id: str | int,
        *,
        month: str,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> DifferencesOut:
        """Show where the issuer's own list and our notas of a month disagree."""
        return cast(
            "DifferencesOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/closing/differences",
                path={"tenant_id": tenant_id},
                query={"month": month, "limit": limit, "cursor": cursor},
            ),
        )

    async def list_accepted_notas(
        self,
        tenant_id: str | int,
        *,
        month: str,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AcceptedList:
        """Show the issuer's notas of a month that are not ours and were accepted."""
        return cast(
            "AcceptedList",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/closing/accepted",
                path={"tenant_id": tenant_id},
                query={"month": month, "limit": limit, "cursor": cursor},
            ),
        )

    async def accept_notas(
        self, tenant_id: str | int, month: str | int, *, body: SelectionIn
    ) -> AcceptanceOut:
        """Accept notas of another system, so that they are no differences of the month."""
        return cast(
            "AcceptanceOut",
            await self.transport.json(
                "POST",
                "/tenants/{tenant_id}/closing/{month}/accepted",
                path={"tenant_id": tenant_id, "month": month},
                body=body,
            ),
        )

    async def revoke_accepted_notas(
        self, tenant_id: str | int, month: str | int, *, body: SelectionIn
    ) -> RevokedOut:
        """Take back that notas of another system were accepted."""
        return cast(
            "RevokedOut",
            await self.transport.json(
                "DELETE",
                "/tenants/{tenant_id}/closing/{month}/accepted",
                path={"tenant_id": tenant_id, "month": month},
                body=body,
            ),
        )

    async def list_closing_credits(
        self,
        tenant_id: str | int,
        *,
        month: str,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> CreditListOut:
        """Show the notas of earlier months that were cancelled in this one."""
        return cast(
            "CreditListOut",
            await self.transport.json(
                "GET",
                "/tenants/{tenant_id}/closing/credits",
                path={"tenant_id": tenant_id},
                query={"month": month, "limit": limit, "cursor": cursor},
            ),
        )
