-- The number of a stream's newest recording, which outlives it: a number names a file, and no name is used twice.
ALTER TABLE streams ADD COLUMN last_recording BIGINT NOT NULL DEFAULT 0;
UPDATE streams SET last_recording = COALESCE(
    (SELECT MAX(number) FROM recordings WHERE recordings.video_id = streams.video_id), 0);
