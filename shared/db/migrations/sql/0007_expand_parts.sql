-- Why: a bill of several services gets one nota for each. How it was divided is kept from the first
-- intent on, so that a part has the same number and amount until all of them were cancelled.

CREATE TABLE sale_parts (
    tenant_id  text NOT NULL,
    bill_id    bigint NOT NULL,
    part       smallint NOT NULL CHECK (part >= 1),
    amount     bigint NOT NULL CHECK (amount > 0),  -- centavos
    lines      bigint[] NOT NULL,                   -- ids of the bill's lines it is for
    PRIMARY KEY (tenant_id, bill_id, part),
    FOREIGN KEY (tenant_id, bill_id) REFERENCES sales (tenant_id, bill_id)
);
