-- Customers. All that tells of a person is in these two tables, and is NULL or empty once the customer was erased.
CREATE TABLE customer (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    name TEXT,
    email TEXT,
    phone TEXT,
    language TEXT,
    is_marketing_allowed BOOLEAN,
    consent_at BIGINT,
    consent_source TEXT,
    note TEXT NOT NULL,
    erased_at BIGINT,
    erasure_reason TEXT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX customer_by_merchant ON customer (merchant_id, id);
CREATE INDEX customer_email ON customer (merchant_id, email, id) WHERE email IS NOT NULL;
CREATE INDEX customer_phone ON customer (merchant_id, phone, id) WHERE phone IS NOT NULL;

-- What other systems call them: places that keep no trace of an id that was taken off.
CREATE TABLE customer_external_id (
    customer_id TEXT NOT NULL REFERENCES customer (id),
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    system TEXT,
    external_id TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (customer_id, number),
    CONSTRAINT customer_external_id_held UNIQUE (merchant_id, system, external_id)
);

ALTER TABLE merchant ADD COLUMN calling_code BIGINT;

-- An index that only the sales of somebody who is known pay for.
ALTER TABLE sale ADD COLUMN customer_id TEXT;
CREATE INDEX sale_customer ON sale (merchant_id, customer_id, id) WHERE customer_id IS NOT NULL;
