-- Why: of a tenant whose events are doubted, what was only talked of waits behind all else; a sale that
-- a person had asked to be issued, or cancelled, waited among it, since its row could not tell who wanted
-- it decided. It is kept which of the facts about its bill is the newest that is no talk. At once,
-- whatever the size.
ALTER TABLE outbox
    ADD COLUMN IF NOT EXISTS asked_facts bigint NOT NULL DEFAULT 0;
