-- Why: a delivery of Vindi that is refused is repeated for two days and then lost. Its secret names
-- the tenant it was meant for, so its tenant's health can say so.
CREATE TABLE webhook_rejections (
    tenant_id   text PRIMARY KEY REFERENCES tenants,
    since       timestamptz NOT NULL,             -- the first of this row of refusals
    rejected_at timestamptz NOT NULL,             -- the last one
    rejections  bigint NOT NULL CHECK (rejections > 0)
);
