-- Webhooks: where subscribers are told of events, and each event on its way to one of them. Nothing here is touched by
-- the command that makes an event.

-- Secrets are sealed under a key that is not in the database.
CREATE TABLE webhook_endpoint (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    url TEXT NOT NULL,
    kinds TEXT NOT NULL,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    is_ordered BOOLEAN NOT NULL,
    cursor_number BIGINT NOT NULL,
    secret BYTEA NOT NULL,
    old_secret BYTEA,
    old_secret_until BIGINT,
    strain BIGINT NOT NULL,
    paused_until BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX webhook_endpoint_by_merchant ON webhook_endpoint (merchant_id, id);

CREATE TABLE webhook_delivery (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL,
    number BIGINT,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    status BIGINT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];
CREATE INDEX webhook_delivery_by_merchant ON webhook_delivery (merchant_id, id);
CREATE INDEX webhook_delivery_by_endpoint ON webhook_delivery (endpoint_id, id);
CREATE INDEX webhook_delivery_by_event ON webhook_delivery (event_id);
-- Small: what waits, and what is dead.
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_order ON webhook_delivery (endpoint_id, subject, number) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_dead ON webhook_delivery (endpoint_id, id) WHERE state = 'dead';
