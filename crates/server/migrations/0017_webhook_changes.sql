-- How often an endpoint was changed: what an attempt that began before a change comes to does not undo it.
ALTER TABLE webhooks ADD COLUMN changes BIGINT NOT NULL DEFAULT 0;
