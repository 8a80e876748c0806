-- Recordings: what is kept of a broadcast when it is over. A stream's first is number 1. Segments from
-- first_sequence on are its, up to the next recording's first.
CREATE TABLE recordings (
    video_id       TEXT    NOT NULL,
    number         BIGINT  NOT NULL,
    first_sequence BIGINT  NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('RECORDING', 'FINISHING', 'READY', 'FAILED')),
    started_at     BIGINT  NOT NULL,
    -- When its broadcast was over.
    ended_at       BIGINT,
    -- The file's upload in parts, while there is one.
    upload_id      TEXT,
    -- Of the file, once it is ready; the duration in ticks of 1/90000 s.
    bytes          BIGINT,
    duration       BIGINT,
    codecs         TEXT,
    -- Its index is behind the media: it has outgrown the room in front.
    index_is_last  BOOLEAN NOT NULL DEFAULT FALSE,
    -- Attempts that failed, and why the last did.
    attempts       BIGINT  NOT NULL DEFAULT 0,
    reason         TEXT,
    PRIMARY KEY (video_id, number)
);

-- The parts of a file that the object store has. The digest is of their bytes: whoever goes on makes
-- the same, or begins anew.
CREATE TABLE recording_parts (
    video_id TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    part     BIGINT NOT NULL,
    etag     TEXT   NOT NULL,
    digest   TEXT   NOT NULL,
    PRIMARY KEY (video_id, number, part)
);

-- Segments of recorded broadcasts, which stay in the object store when the playlist lists them no more.
-- Durations are ticks of 1/90000 s, dates Unix microseconds.
CREATE TABLE kept_segments (
    video_id          TEXT    NOT NULL,
    sequence          BIGINT  NOT NULL,
    duration          BIGINT  NOT NULL,
    program_date_time BIGINT  NOT NULL,
    discontinuity     BOOLEAN NOT NULL,
    gap               BOOLEAN NOT NULL,
    PRIMARY KEY (video_id, sequence)
);
