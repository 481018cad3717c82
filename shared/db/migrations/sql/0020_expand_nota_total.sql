-- Why: a nota may show the discounts of its bill. The issuer then lists it with its total, which is
-- more than the sale comes to: what is compared with the issuer is the total. NULL: both are the
-- same, as in every nota of the code before. That code leaves the column alone.

ALTER TABLE notas ADD COLUMN IF NOT EXISTS total bigint;
