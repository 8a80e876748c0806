-- Other servers that are told of events. The events themselves are the outbox: an endpoint keeps its place in them.
CREATE TABLE webhooks (
    webhook_id       TEXT   NOT NULL PRIMARY KEY,
    url              TEXT   NOT NULL,
    secret           TEXT   NOT NULL,
    -- Signed with as well, until then.
    old_secret       TEXT,
    old_secret_until BIGINT,
    -- A JSON array; NULL means every type.
    event_types      TEXT,
    created_at       BIGINT NOT NULL,
    -- NULL while the endpoint is served.
    disabled_at      BIGINT,
    disabled_reason  TEXT,
    -- The events up to this number are delivered, or not wanted.
    last_event       BIGINT NOT NULL,
    -- Attempts at the next one that failed, since when, and when the next attempt is due.
    failures         BIGINT NOT NULL DEFAULT 0,
    failing_since    BIGINT,
    next_attempt_at  BIGINT,
    -- Attempts at all events, which number the rows below.
    attempts         BIGINT NOT NULL DEFAULT 0
);

-- The newest attempts of each endpoint.
CREATE TABLE webhook_deliveries (
    webhook_id  TEXT   NOT NULL,
    number      BIGINT NOT NULL,
    event_id    BIGINT NOT NULL,
    event_type  TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- The HTTP status, where there was an answer, and the beginning of its body.
    status      BIGINT,
    answer      TEXT   NOT NULL,
    -- Why it counts as failed; NULL: delivered.
    error       TEXT,
    PRIMARY KEY (webhook_id, number)
);
