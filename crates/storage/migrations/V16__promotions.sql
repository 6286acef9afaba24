-- Dated rules by which goods cost less. All that a merchant has are read with each sale that is priced, so they lie together.
CREATE TABLE promotion (
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    rule TEXT NOT NULL,
    articles TEXT NOT NULL,
    locations TEXT NOT NULL,
    coupon_code TEXT,
    priority BIGINT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT,
    is_active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, id)
) [clustered];

-- How often a code was used; each sale that takes it locks its row.
CREATE TABLE coupon (
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    code TEXT NOT NULL,
    promotion_id TEXT NOT NULL,
    uses_max BIGINT,
    use_count BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, code)
) [clustered];
