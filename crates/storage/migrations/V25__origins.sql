-- Other systems whose facts are recorded here, each with the one map by which its exports are read.
CREATE TABLE origin (
    merchant_id TEXT NOT NULL REFERENCES merchant (id),
    name TEXT NOT NULL,
    map_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, name)
) [clustered];
