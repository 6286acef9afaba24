-- Terminals: the devices that customers tap, with which register each is paired, and how it came to that. Of tokens and codes
-- there are keyed hashes only.

CREATE TABLE terminal (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    enrolment_token BYTEA,
    enrolment_until BIGINT,
    model TEXT,
    serial TEXT,
    firmware TEXT,
    software TEXT,
    identity_key BYTEA,
    enrolled_at BIGINT,
    retired_at BIGINT,
    register_id TEXT,
    paired_since BIGINT,
    pairing_code BYTEA,
    pairing_code_until BIGINT,
    proved_at BIGINT,
    epoch BIGINT NOT NULL,
    last_seen_at BIGINT,
    entry_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT terminal_enrolment_token UNIQUE (enrolment_token),
    CONSTRAINT terminal_identity_key UNIQUE (identity_key),
    CONSTRAINT terminal_pairing_code UNIQUE (pairing_code)
);
CREATE INDEX terminal_by_merchant ON terminal (merchant_id, id);

-- The place of a terminal beside a register: one row for each register that ever had one.
CREATE TABLE pairing (
    register_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    terminal_id TEXT,
    displaced_terminal_id TEXT,
    displaced_at BIGINT,
    version BIGINT NOT NULL
);

CREATE TABLE terminal_entry (
    terminal_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    fact TEXT NOT NULL,
    register_id TEXT,
    why TEXT,
    done_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (terminal_id, number)
);
