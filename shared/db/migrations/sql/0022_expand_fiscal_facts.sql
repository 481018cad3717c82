-- Why: an accountant files a month by service, city, rate and withholding, so what one nota says for
-- the tax lies beside it in figures that can be added up, without a person's data: the sealed draft is
-- not opened for a sum. fiscal_class is FiscalClass as JSON, the same text for the same class; amounts
-- are null for nothing, but for iss, where null is that the nota states no rate. They are those of the
-- request that left at fiscal_sent_at: code that does not know them sends again and leaves them behind.
ALTER TABLE notas
    ADD COLUMN IF NOT EXISTS fiscal_class text,
    ADD COLUMN IF NOT EXISTS fiscal_sent_at timestamptz,
    ADD COLUMN IF NOT EXISTS discount bigint,
    ADD COLUMN IF NOT EXISTS conditional_discount bigint,
    ADD COLUMN IF NOT EXISTS deductions bigint,
    ADD COLUMN IF NOT EXISTS iss bigint,
    ADD COLUMN IF NOT EXISTS pis_withheld bigint,
    ADD COLUMN IF NOT EXISTS cofins_withheld bigint,
    ADD COLUMN IF NOT EXISTS csll_withheld bigint,
    ADD COLUMN IF NOT EXISTS inss_withheld bigint,
    ADD COLUMN IF NOT EXISTS irrf_withheld bigint;

-- Why: what is filed belongs to the month of its competência, whatever the moment of its sale. The
-- first is for a try that ended half way.
DROP INDEX CONCURRENTLY IF EXISTS notas_filed;

CREATE INDEX CONCURRENTLY notas_filed ON notas (tenant_id, competencia, bill_id)
    WHERE status IN ('issued', 'cancelling', 'cancel_refused', 'cancelled')
      AND environment = 'Producao';

-- Why: what was cancelled in a month is credited in it.
DROP INDEX CONCURRENTLY IF EXISTS notas_cancelled;

CREATE INDEX CONCURRENTLY notas_cancelled ON notas (tenant_id, cancelled_at)
    WHERE status = 'cancelled' AND environment = 'Producao';

-- First for what is written from now on, so that nobody waits while all rows are looked at.
ALTER TABLE notas
    DROP CONSTRAINT IF EXISTS notas_fiscal_check,
    ADD CONSTRAINT notas_fiscal_check CHECK (
        least(discount, conditional_discount, deductions, iss, pis_withheld, cofins_withheld,
              csll_withheld, inss_withheld, irrf_withheld) >= 0) NOT VALID;

-- Together:

ALTER TABLE notas VALIDATE CONSTRAINT notas_fiscal_check;
