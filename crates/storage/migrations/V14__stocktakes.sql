-- Stocktakes: what was counted, article by article, and how it came into the books.

CREATE TABLE stocktake (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    note TEXT NOT NULL,
    is_everything BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    uncounted TEXT,
    close_asked_at BIGINT,
    is_listed BOOLEAN NOT NULL,
    ended_at BIGINT,
    uncounted_lines BIGINT NOT NULL,
    counted_lines BIGINT NOT NULL,
    finished_lines BIGINT NOT NULL,
    different_lines BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];
CREATE INDEX stocktake_by_merchant ON stocktake (merchant_id, id);

-- base_on_hand, base_backdated: what the books said when it was counted. expected: what they said when it was booked.
CREATE TABLE stocktake_line (
    stocktake_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    state TEXT NOT NULL,
    counted BIGINT,
    counted_at BIGINT,
    counted_by TEXT,
    base_on_hand BIGINT,
    base_backdated BIGINT,
    expected BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (stocktake_id, article_id)
) [clustered];

-- The last count that is in the books, and how many movements were entered with an earlier time.
ALTER TABLE stock_level ADD COLUMN counted_in TEXT;
ALTER TABLE stock_level ADD COLUMN counted_at BIGINT;
ALTER TABLE stock_level ADD COLUMN backdated BIGINT NOT NULL DEFAULT 0;

ALTER TABLE movement ADD COLUMN stocktake_id TEXT;
