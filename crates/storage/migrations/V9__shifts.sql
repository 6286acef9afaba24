-- Shifts: a register's drawer between two counts. The lock of the register's series covers them.
CREATE TABLE shift (
    register_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    carried_minor BIGINT NOT NULL,
    brought_minor BIGINT NOT NULL,
    float_count TEXT NOT NULL,
    opening_difference_minor BIGINT NOT NULL,
    paid_in_minor BIGINT NOT NULL,
    paid_out_minor BIGINT NOT NULL,
    movement_count BIGINT NOT NULL,
    closing_count TEXT,
    expected_minor BIGINT,
    deposited_minor BIGINT,
    note TEXT,
    closed_by TEXT,
    closed_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (register_id, number)
);
CREATE INDEX shift_by_merchant ON shift (merchant_id, register_id, number);

CREATE TABLE cash_movement (
    register_id TEXT NOT NULL,
    shift_number BIGINT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    purpose TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    reason TEXT NOT NULL,
    moved_by TEXT NOT NULL,
    moved_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (register_id, shift_number, number)
) [clustered];

ALTER TABLE receipt_series ADD COLUMN shift_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE receipt_series ADD COLUMN is_shift_open BOOLEAN NOT NULL DEFAULT FALSE;

-- What belongs to a shift is found by an index that only registers with shifts pay for.
ALTER TABLE sale ADD COLUMN shift_number BIGINT;
CREATE INDEX sale_shift ON sale (register_id, shift_number) WHERE shift_number IS NOT NULL;
ALTER TABLE return ADD COLUMN shift_number BIGINT;
CREATE INDEX return_shift ON return (register_id, shift_number) WHERE shift_number IS NOT NULL;
ALTER TABLE refund ADD COLUMN shift_number BIGINT;
CREATE INDEX refund_shift ON refund (register_id, shift_number) WHERE shift_number IS NOT NULL;
