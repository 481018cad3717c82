-- Why: sales held as `mixed_services` before bills were divided wait for nothing any more: they are
-- decided again, under their rule and its days of grace. Harmless to repeat.
UPDATE outbox o
   SET state = 'due', due_at = now(), generation = o.generation + 1, bill_facts = o.bill_facts + 1,
       tries = 0, lane = 1
  FROM sales s
 WHERE s.tenant_id = o.tenant_id AND s.bill_id = o.bill_id
   AND s.status = 'held' AND s.code = 'mixed_services' AND o.state <> 'leased';
