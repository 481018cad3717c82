-- Why: whether a boleto belongs to the time before activation hangs on when its payment became known,
-- and where Vindi does not tell that, on when we first read the bill as paid, and last as unpaid.
-- Older rows say it by their status and read_at.
ALTER TABLE bills
    ADD COLUMN IF NOT EXISTS paid_seen_at timestamptz,
    ADD COLUMN IF NOT EXISTS unpaid_seen_at timestamptz;

-- Why: what the stream, or an earlier backfill, took already is no news to a later one, whatever
-- became of it.
ALTER TABLE backfill_bills ADD COLUMN IF NOT EXISTS taken_before boolean NOT NULL DEFAULT false;

-- Why: where lines and amount of a bill disagree, a person chooses what the nota is for, having seen
-- these sums: 'lines', 'bill', or centavos.
ALTER TABLE sales
    ADD COLUMN IF NOT EXISTS amount_choice text,
    ADD COLUMN IF NOT EXISTS amount_about text NOT NULL DEFAULT '';

-- First for what is written from now on, so that nobody waits while all rows are looked at.
ALTER TABLE sales
    DROP CONSTRAINT IF EXISTS sales_amount_choice_check,
    ADD CONSTRAINT sales_amount_choice_check
        CHECK (amount_choice ~ '^(lines|bill|[0-9]{1,15})$') NOT VALID;

ALTER TABLE sales VALIDATE CONSTRAINT sales_amount_choice_check;

-- Together:

-- Why: notas for moments long past, asked for by no backfill, are counted apart and braked apart.
-- null: nobody wants this brake.
ALTER TABLE tenant_brakes ADD COLUMN old_days int DEFAULT 10 CHECK (old_days BETWEEN 1 AND 365);
ALTER TABLE nota_days ADD COLUMN old int NOT NULL DEFAULT 0;
ALTER TABLE tenant_brakes ADD COLUMN free_old int NOT NULL DEFAULT 0;

-- Why: a refund is made long before it is final, and its list is read by when it was made. Those still
-- under way are kept here and asked about until they end.
CREATE TABLE refunds_pending (
    tenant_id      text NOT NULL,
    transaction_id bigint NOT NULL,
    seen_at        timestamptz NOT NULL,
    look_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, transaction_id)
);
