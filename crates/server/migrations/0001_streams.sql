-- A stream: what an application creates, an encoder publishes to and viewers watch.
-- Portable SQL: the same statements run on SQLite and PostgreSQL. Times are Unix milliseconds.
CREATE TABLE streams (
    video_id        TEXT    NOT NULL PRIMARY KEY,
    title           TEXT    NOT NULL,
    stream_key      TEXT    NOT NULL,
    stream_key_hash TEXT    NOT NULL UNIQUE,
    armed           BOOLEAN NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('PENDING', 'LIVE', 'READY', 'FAILED')),
    next_sequence   BIGINT  NOT NULL DEFAULT 0,
    created_at      BIGINT  NOT NULL,
    started_at      BIGINT,
    ended_at        BIGINT,
    end_code        TEXT,
    end_message     TEXT
);

CREATE INDEX streams_by_age ON streams (created_at);
