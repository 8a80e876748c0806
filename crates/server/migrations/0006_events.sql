-- What happened, in order. The counter's row is locked until the event is committed, so that numbers
-- become visible in order and without gaps, also where several connections write.
CREATE TABLE event_counter (
    last_id BIGINT NOT NULL
);

INSERT INTO event_counter (last_id) VALUES (0);

-- An event outlives its stream: there is no foreign key.
CREATE TABLE events (
    id       BIGINT NOT NULL PRIMARY KEY,
    type     TEXT   NOT NULL,
    video_id TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    data     TEXT   NOT NULL
);

CREATE INDEX events_of_stream ON events (video_id, id);
