-- Why: a nota denied for its customer's data is sent again when that data changes at Vindi, just
-- as a sale held for it is decided again: one index finds both.

-- Its predicate is that of shared.db.customer_holds_store.
CREATE INDEX sales_waiting_for_customer ON sales (tenant_id, customer_id)
    WHERE (status = 'held' AND code LIKE 'customer\_%')
       OR (status = 'denied' AND code IN
           ('denied_city', 'denied_document', 'denied_address', 'denied_contact'));

DROP INDEX sales_held_for_customer;

-- Why: a backfill goes back further than the mirror of the issuer's list does by itself. Before
-- sales of past months are taken, the notas made since then are listed too.
ALTER TABLE foreign_nota_marks ADD COLUMN listed_from date;  -- the first UTC day that was listed
