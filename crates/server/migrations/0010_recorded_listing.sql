-- What a recording's segments were meant to last, in ticks, and whether each decodes by itself: its playlist says
-- so after that of the broadcast is forgotten.
ALTER TABLE recordings ADD COLUMN segment_duration BIGINT;
ALTER TABLE recordings ADD COLUMN independent BOOLEAN NOT NULL DEFAULT TRUE;
