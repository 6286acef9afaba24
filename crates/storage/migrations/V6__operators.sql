-- Who works at a register. Of a PIN there is a slow hash under a key that is not in the database.
CREATE TABLE operator (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    pin_hash TEXT NOT NULL,
    badge TEXT,
    is_active BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    locked_until BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    CONSTRAINT operator_code UNIQUE (merchant_id, code),
    CONSTRAINT operator_badge UNIQUE (merchant_id, badge)
);
CREATE INDEX operator_by_merchant ON operator (merchant_id, id);

ALTER TABLE sale ADD COLUMN operator_id TEXT;
