-- What a stream was created with. Configured defaults are filled in as it is created, so that a new
-- default changes new streams alone.
ALTER TABLE streams ADD COLUMN record BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE streams ADD COLUMN reconnect_window_s BIGINT NOT NULL DEFAULT 30;
ALTER TABLE streams ADD COLUMN second_publisher TEXT NOT NULL DEFAULT 'takeover';
ALTER TABLE streams ADD COLUMN latency_mode TEXT NOT NULL DEFAULT 'low';
-- NULL: recordings and kept segments stay; 0: they go with the end of the broadcast.
ALTER TABLE streams ADD COLUMN retention_days BIGINT;
-- NULL: viewers can go back to the beginning.
ALTER TABLE streams ADD COLUMN dvr_window_s BIGINT;
