-- Why: a planner that knows nothing of a table yet (a new installation, or a connection that made its
-- plans then) takes any index that begins with the tenant for as good as the primary key, and of
-- equal ones the newest. Each look-up of one sale, those of foreign keys too, then walked all
-- sales of its tenant. An index with a condition that such a look-up does not state is no choice.

-- Nothing reads by it, and each sale wrote into it.
DROP INDEX sales_by_moment;

DROP INDEX sales_by_status;
CREATE INDEX sales_by_status ON sales (tenant_id, status, bill_id) WHERE status IS NOT NULL;

DROP INDEX bills_by_created;
CREATE INDEX bills_by_created ON bills (tenant_id, created_at) WHERE created_at IS NOT NULL;
DROP INDEX bills_by_created_moment;
CREATE INDEX bills_by_created_moment ON bills (tenant_id, created_moment)
    WHERE created_moment IS NOT NULL;
DROP INDEX bills_by_paid_moment;
CREATE INDEX bills_by_paid_moment ON bills (tenant_id, paid_moment) WHERE paid_moment IS NOT NULL;

ALTER TABLE notas DROP CONSTRAINT notas_tenant_id_external_id_key;
CREATE UNIQUE INDEX notas_by_external_id ON notas (tenant_id, external_id)
    WHERE external_id IS NOT NULL;

-- Written by every nota, and read by nobody.
ALTER TABLE notas DROP COLUMN request_hash;

-- The same rule, told so that it is cheap to check: a counted repetition is matched step by step.
ALTER TABLE notas DROP CONSTRAINT notas_external_id_check;
ALTER TABLE notas ADD CONSTRAINT notas_external_id_check
    CHECK (external_id ~ '^[A-Za-z0-9_-]+$' AND length(external_id) <= 50);
