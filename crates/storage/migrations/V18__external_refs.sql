-- External references: under which id another system knows a record. read_with: the id of the record that it is read with, which
-- for a refund is its payment and for a return its sale.

CREATE TABLE external_ref (
    merchant_id TEXT NOT NULL,
    system TEXT NOT NULL,
    external_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    read_with TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (merchant_id, system, external_id, kind)
) [clustered];
CREATE INDEX external_ref_by_record ON external_ref (read_with);
