-- What a broadcast's viewers were like, each ten seconds; further apart in a long broadcast.
CREATE TABLE viewer_samples (
    video_id        TEXT   NOT NULL REFERENCES streams (video_id) ON DELETE CASCADE,
    -- Which broadcast: when it went live.
    started_at      BIGINT NOT NULL,
    -- Tens of seconds since then.
    slot            BIGINT NOT NULL,
    viewers         BIGINT NOT NULL,
    -- NULL: no player told.
    latency_p50_ms  BIGINT,
    latency_p95_ms  BIGINT,
    -- Since the broadcast began, so that rows can be left out.
    stalls          BIGINT NOT NULL,
    bits_per_second BIGINT NOT NULL,
    PRIMARY KEY (video_id, started_at, slot)
);
