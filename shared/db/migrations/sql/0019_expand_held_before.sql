-- Why: a sale that would surely be refused is held with the word the refusal would have, and is
-- decided again when its customer's data changes, as one that was refused is. The index of those finds
-- both; code that looks for less uses it too, since what it looks for is within it.

-- Its predicate is that of shared.db.sales.customer_holds_store. Beside writers, and safe to repeat:
DROP INDEX CONCURRENTLY IF EXISTS sales_waiting_for_data;

CREATE INDEX CONCURRENTLY sales_waiting_for_data ON sales (tenant_id, customer_id)
    WHERE (status = 'held' AND (code LIKE 'customer\_%' OR code LIKE 'denied\_%'))
       OR (status = 'denied' AND code IN
           ('denied_city', 'denied_document', 'denied_address', 'denied_contact'));

-- Together:

DROP INDEX IF EXISTS sales_waiting_for_customer;
