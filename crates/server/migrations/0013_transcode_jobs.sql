-- Recordings that the application is to put through its transcode workflow, one job each.
CREATE TABLE transcode_jobs (
    job_id     TEXT   NOT NULL PRIMARY KEY,
    video_id   TEXT   NOT NULL,
    -- The recording's.
    number     BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
    -- What the file was when the job was queued; the duration in ticks of 1/90000 s.
    input_key  TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    duration   BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- Why it failed, in the application's words.
    reason     TEXT,
    UNIQUE (video_id, number)
);

-- Whether a recording gets a job as soon as its file is there.
ALTER TABLE streams ADD COLUMN convert_to_vod BOOLEAN NOT NULL DEFAULT FALSE;
