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

-- The SmartConnect-compatible API: whether a merchant lets it in, what registers go by there, and what they asked for.
CREATE TABLE smartconnect_access (
    merchant_id TEXT NOT NULL PRIMARY KEY,
    is_on BOOLEAN NOT NULL,
    networks TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE pos_register (
    register_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    pos_register_id TEXT NOT NULL,
    business_name TEXT NOT NULL,
    vendor_name TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT pos_register_identity UNIQUE (pos_register_id, business_name, vendor_name)
);

CREATE TABLE smartconnect_transaction (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    terminal_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount_minor BIGINT,
    cash_minor BIGINT,
    operation_id TEXT,
    earlier_id TEXT,
    known TEXT,
    sale_id TEXT,
    sale_data TEXT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX smartconnect_transaction_by_merchant ON smartconnect_transaction (merchant_id, id);
-- The last one of a terminal, and the one of a sale that is given back.
CREATE INDEX smartconnect_transaction_by_terminal ON smartconnect_transaction (terminal_id, id);
CREATE INDEX smartconnect_transaction_by_sale ON smartconnect_transaction (merchant_id, sale_id, id) WHERE sale_id IS NOT NULL;
