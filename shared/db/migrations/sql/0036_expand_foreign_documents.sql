-- Why: what finds a copy at the issuer is a keyed hash of the customer's document. When keys change it
-- has to be hashed afresh, and for that the document is kept beside it, sealed. Code that does not know
-- of it leaves it empty: those lists are read again when keys change.
ALTER TABLE foreign_notas ADD COLUMN IF NOT EXISTS document bytea; -- sealed
ALTER TABLE foreign_nota_marks
    ADD COLUMN IF NOT EXISTS keeps_documents boolean NOT NULL DEFAULT false;
