-- The number of a stream's newest recording, which outlives it: a number names a file, and no name is used twice.
ALTER TABLE streams ADD COLUMN last_recording BIGINT NOT NULL DEFAULT 0;
UPDATE streams SET last_recording = COALESCE(
    (SELECT MAX(number) FROM recordings WHERE recordings.video_id = streams.video_id), 0);

-- Files that were ready before their broadcasts were over were never told of the end.
UPDATE recordings SET ended_at = COALESCE(
    (SELECT streams.ended_at FROM streams WHERE streams.video_id = recordings.video_id), started_at)
WHERE ended_at IS NULL AND state IN ('READY', 'FAILED')
AND NOT EXISTS (SELECT 1 FROM streams WHERE streams.video_id = recordings.video_id AND streams.status = 'LIVE');
