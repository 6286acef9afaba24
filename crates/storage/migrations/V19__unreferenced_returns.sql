-- Goods that came back without their sale. lines: a document.

CREATE TABLE unreferenced_return (
    id TEXT NOT NULL PRIMARY KEY,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    shift_number BIGINT,
    operator_id TEXT,
    currency TEXT NOT NULL,
    price_mode TEXT NOT NULL,
    tax_rounding TEXT NOT NULL,
    lines TEXT NOT NULL,
    total_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    receipt_number TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) [clustered];
CREATE INDEX unreferenced_return_by_merchant ON unreferenced_return (merchant_id, id);
CREATE INDEX unreferenced_return_made ON unreferenced_return (merchant_id, created_at);
CREATE INDEX unreferenced_return_shift ON unreferenced_return (register_id, shift_number) WHERE shift_number IS NOT NULL;
