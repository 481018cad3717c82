-- Why: customers change at Vindi without an event. While sales are held for what their customer
-- lacks, each pass reads the customers that changed since this mark and has those sales decided
-- again. An account that was known before begins now.

ALTER TABLE reconciler_passes ADD COLUMN customers_mark timestamptz NOT NULL DEFAULT now();

-- Its predicate is that of shared.db.customer_holds_store.
CREATE INDEX sales_held_for_customer ON sales (tenant_id, customer_id)
    WHERE status = 'held' AND code LIKE 'customer\_%';
