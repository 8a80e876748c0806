-- What the bucket's playlist of each stream lists, so that a broadcast can go on after the server died.
-- Durations are ticks of 1/90000 s, dates Unix microseconds.
CREATE TABLE playlists (
    video_id               TEXT    NOT NULL PRIMARY KEY,
    segment_duration       BIGINT  NOT NULL,
    discontinuity_sequence BIGINT  NOT NULL,
    independent            BOOLEAN NOT NULL
);

CREATE TABLE listed_segments (
    video_id          TEXT    NOT NULL,
    sequence          BIGINT  NOT NULL,
    duration          BIGINT  NOT NULL,
    program_date_time BIGINT  NOT NULL,
    discontinuity     BOOLEAN NOT NULL,
    gap               BOOLEAN NOT NULL,
    PRIMARY KEY (video_id, sequence)
);
