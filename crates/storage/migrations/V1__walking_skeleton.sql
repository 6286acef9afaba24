-- One text for both engines. Ids TEXT, money and quantities BIGINT, instants BIGINT (milliseconds UTC), documents TEXT
-- that SQL never looks into. The mark [clustered] becomes WITHOUT ROWID on SQLite and nothing on PostgreSQL: the rows lie in
-- the tree of the key. Tables with long rows do without it: inner nodes of such a tree hold whole rows, and few of them.

CREATE TABLE merchant (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    zone TEXT NOT NULL,
    tax_rules TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];

CREATE TABLE location (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL
) [clustered];

CREATE TABLE register (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    location_id TEXT NOT NULL REFERENCES location (id),
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT register_name UNIQUE (merchant_id, name)
) [clustered];

CREATE TABLE article (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    sku TEXT NOT NULL,
    barcodes TEXT NOT NULL,
    name TEXT NOT NULL,
    unit_price BIGINT NOT NULL,
    currency TEXT NOT NULL,
    tax_class TEXT NOT NULL,
    is_stocked BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT article_sku UNIQUE (merchant_id, sku)
) [clustered];
CREATE INDEX article_by_merchant ON article (merchant_id, id);

-- Which article a code stands for; of none once it was taken off.
CREATE TABLE barcode (
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    code TEXT NOT NULL,
    article_id TEXT REFERENCES article (id),
    version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, code)
) [clustered];

CREATE TABLE connection (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    provider TEXT NOT NULL,
    settings TEXT NOT NULL,
    profile TEXT NOT NULL,
    version BIGINT NOT NULL
) [clustered];

-- Keys are kept as a keyed hash; the words of a key are shown once, when it is made.
CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    version BIGINT NOT NULL
) [clustered];

CREATE TABLE sale (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    total_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    receipt_number TEXT,
    note TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    reserved_until BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];
CREATE INDEX sale_by_merchant ON sale (merchant_id, id);

CREATE TABLE sale_line (
    sale_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    unit_price BIGINT NOT NULL,
    tax_class TEXT NOT NULL,
    tax_rate BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    is_stocked BOOLEAN NOT NULL,
    is_removed BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, number)
) [clustered];

CREATE TABLE tender (
    sale_id TEXT NOT NULL,
    id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    given_minor BIGINT,
    change_minor BIGINT,
    payment_id TEXT,
    amount_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, id)
) [clustered];

CREATE TABLE reservation (
    sale_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, article_id)
) [clustered];

CREATE TABLE payment (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    sale_id TEXT,
    tender_id TEXT,
    connection_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    asked_minor BIGINT NOT NULL,
    approved_minor BIGINT NOT NULL,
    captured_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    is_closed_uncharged BOOLEAN NOT NULL,
    operation_count BIGINT NOT NULL,
    reference TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];
CREATE INDEX payment_by_merchant ON payment (merchant_id, id);

CREATE TABLE operation (
    payment_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    target BIGINT,
    asked_minor BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    approved_minor BIGINT,
    provider_reference TEXT,
    witness TEXT,
    is_contradicted BOOLEAN NOT NULL,
    is_left_to_person BOOLEAN NOT NULL,
    recorded_at BIGINT NOT NULL,
    doubt_since BIGINT NOT NULL,
    asked_count BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (payment_id, number)
) [clustered];

CREATE TABLE exception (
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    owner TEXT NOT NULL,
    at_risk_minor BIGINT NOT NULL,
    resolution TEXT,
    opened_at BIGINT NOT NULL,
    resolved_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (subject, kind)
) [clustered];
CREATE INDEX exception_by_merchant ON exception (merchant_id, id);
CREATE INDEX exception_open ON exception (merchant_id, id) WHERE resolved_at IS NULL;

CREATE TABLE job (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    due_at BIGINT,
    fence BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
) [clustered];
CREATE INDEX job_due ON job (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE receipt_series (
    register_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    last_number BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];

CREATE TABLE stock_level (
    location_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    on_hand BIGINT NOT NULL,
    reserved BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (location_id, article_id)
) [clustered];

CREATE TABLE balance (
    merchant_id TEXT NOT NULL,
    account TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, account, currency)
) [clustered];

CREATE TABLE movement (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    sale_id TEXT,
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
) [clustered];

CREATE TABLE journal_entry (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    currency TEXT NOT NULL,
    postings TEXT NOT NULL,
    recorded_at BIGINT NOT NULL
) [clustered];

-- The outbox: what consumers read by cursor.
CREATE TABLE event (
    merchant_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, number)
);

CREATE TABLE audit (
    merchant_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    command TEXT NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    last_event BIGINT NOT NULL,
    content_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (merchant_id, number)
) [clustered];

CREATE TABLE merchant_counter (
    merchant_id TEXT NOT NULL PRIMARY KEY,
    event_number BIGINT NOT NULL,
    audit_number BIGINT NOT NULL,
    audit_hash BYTEA NOT NULL,
    version BIGINT NOT NULL
) [clustered];

-- status 0: the command has committed and its answer is still to come.
CREATE TABLE idempotency (
    merchant_id TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    subject TEXT NOT NULL,
    status BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    body BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, key)
);

CREATE TABLE batch (
    id TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
) [clustered];
