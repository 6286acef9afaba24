-- Transfers: goods on their way from one location to another.

CREATE TABLE transfer (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    from_location_id TEXT NOT NULL,
    to_location_id TEXT NOT NULL,
    note TEXT NOT NULL,
    state TEXT NOT NULL,
    sent_at BIGINT,
    ended_at BIGINT,
    fate TEXT,
    write_off_reason TEXT,
    reason TEXT NOT NULL,
    lines BIGINT NOT NULL,
    lines_in_transit BIGINT NOT NULL,
    lines_missing BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];
CREATE INDEX transfer_by_merchant ON transfer (merchant_id, id);

CREATE TABLE transfer_line (
    transfer_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    received BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (transfer_id, article_id)
) [clustered];

-- The transfer that a movement is of; of what was booked by hand the first movement of the same request.
ALTER TABLE movement ADD COLUMN document_id TEXT;
