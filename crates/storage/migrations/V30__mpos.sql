-- The mPOS gateway API: endpoints that existing software is let in by, its orders, and the ends of its days.
CREATE TABLE mpos_endpoint (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    group_number BIGINT NOT NULL,
    name TEXT NOT NULL,
    login TEXT NOT NULL,
    control_key BYTEA NOT NULL,
    location_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    notify_url TEXT,
    is_active BOOLEAN NOT NULL,
    last_closed_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE UNIQUE INDEX mpos_endpoint_number ON mpos_endpoint (number);
CREATE INDEX mpos_endpoint_group ON mpos_endpoint (group_number);
CREATE INDEX mpos_endpoint_by_merchant ON mpos_endpoint (merchant_id, id);

CREATE TABLE mpos_order (
    endpoint_id TEXT NOT NULL,
    client_order_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    payment_id TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    callback_url TEXT,
    notify_url TEXT,
    due_at BIGINT,
    tries BIGINT NOT NULL,
    told BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, client_order_id)
) [clustered];
CREATE INDEX mpos_order_payment ON mpos_order (payment_id);
-- Small: what is still to be told.
CREATE INDEX mpos_order_due ON mpos_order (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE mpos_close (
    endpoint_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    since_at BIGINT,
    closed_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (endpoint_id, request_id)
) [clustered];
