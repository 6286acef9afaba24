-- Goods that came back, by sale and number. The lock of the sale covers them.
CREATE TABLE return (
    sale_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    location_id TEXT NOT NULL,
    register_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    receipt_number TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, number)
) [clustered];
CREATE INDEX return_made ON return (merchant_id, created_at);

CREATE TABLE return_line (
    sale_id TEXT NOT NULL,
    return_number BIGINT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    article_id TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity BIGINT NOT NULL,
    tax_rate BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    is_restocked BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, return_number, number)
) [clustered];

-- How a return is given back: out of a register's drawer, or by a refund of the payment.
CREATE TABLE refund (
    sale_id TEXT NOT NULL,
    return_number BIGINT NOT NULL,
    number BIGINT NOT NULL,
    merchant_id TEXT NOT NULL,
    register_id TEXT,
    payment_id TEXT,
    operation_number BIGINT,
    amount_minor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (sale_id, return_number, number)
) [clustered];
CREATE INDEX refund_cash ON refund (merchant_id, created_at) WHERE register_id IS NOT NULL;
