-- Printers, and what is to come out of them: durable before the first byte leaves.

CREATE TABLE printer (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    name TEXT NOT NULL,
    column_count BIGINT NOT NULL,
    kind TEXT NOT NULL,
    host TEXT,
    port BIGINT,
    drawer_register_id TEXT,
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX printer_by_merchant ON printer (merchant_id, id);

CREATE TABLE print_job (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    printer_id TEXT NOT NULL,
    content TEXT NOT NULL,
    receipt_id TEXT,
    is_copy BOOLEAN NOT NULL,
    register_id TEXT,
    drawer_reason TEXT,
    sale_id TEXT,
    state TEXT NOT NULL,
    due_at BIGINT,
    reason TEXT,
    attempts BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    queued_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX print_job_by_merchant ON print_job (merchant_id, id);
-- Small: what waits and what is under way; and the drawers that were opened, for the report of a day.
CREATE INDEX print_job_due ON print_job (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX print_job_drawer ON print_job (merchant_id, created_at) WHERE register_id IS NOT NULL;

-- How often a receipt was sent to a printer: what is sent again says that it is a copy.
ALTER TABLE receipt ADD COLUMN print_count BIGINT NOT NULL DEFAULT 0;
