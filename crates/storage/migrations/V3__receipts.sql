-- What a receipt says of its issuer and of the shop, and that receipts were given.

ALTER TABLE merchant ADD COLUMN legal_name TEXT;
ALTER TABLE merchant ADD COLUMN registration_number TEXT;
ALTER TABLE merchant ADD COLUMN is_sole_proprietor BOOLEAN NOT NULL DEFAULT FALSE;

-- Lines, one below the other.
ALTER TABLE location ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE location ADD COLUMN phone TEXT;

CREATE TABLE receipt (
    sale_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    addressee TEXT,
    proviso TEXT,
    is_copy BOOLEAN NOT NULL,
    locale TEXT NOT NULL,
    issued_by TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, number)
) [clustered];
CREATE INDEX receipt_by_merchant ON receipt (merchant_id, id);
