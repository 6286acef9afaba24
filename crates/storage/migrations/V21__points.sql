-- Loyalty points: a balance that is locked for each change, and its ledger. A customer has a balance from the beginning.
CREATE TABLE points_balance (
    customer_id TEXT NOT NULL PRIMARY KEY REFERENCES customer (id),
    merchant_id TEXT NOT NULL,
    points BIGINT NOT NULL,
    entry_count BIGINT NOT NULL,
    version BIGINT NOT NULL
);
INSERT INTO points_balance (customer_id, merchant_id, points, entry_count, version)
SELECT id, merchant_id, 0, 0, 1 FROM customer;

CREATE TABLE points_entry (
    customer_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    sale_id TEXT,
    return_id TEXT,
    points BIGINT NOT NULL,
    not_recovered BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    reason TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (customer_id, number)
) [clustered];
-- A sale earns once, and a return takes back once, whatever is repeated.
CREATE UNIQUE INDEX points_entry_sale ON points_entry (sale_id) WHERE sale_id IS NOT NULL;
CREATE UNIQUE INDEX points_entry_return ON points_entry (return_id) WHERE return_id IS NOT NULL;

ALTER TABLE merchant ADD COLUMN minor_per_point BIGINT;
-- The rule when the customer was put on the sale.
ALTER TABLE sale ADD COLUMN minor_per_point BIGINT;
