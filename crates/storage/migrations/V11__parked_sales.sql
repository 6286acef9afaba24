-- Sales that are set aside with a name, to be taken up at any register of their location.
CREATE TABLE parked_sale (
    sale_id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    name TEXT NOT NULL,
    parked_by TEXT NOT NULL,
    parked_at BIGINT NOT NULL,
    taken_up_at BIGINT,
    version BIGINT NOT NULL
) [clustered];
-- Only what waits.
CREATE INDEX parked_sale_waiting ON parked_sale (merchant_id, sale_id) WHERE taken_up_at IS NULL;
