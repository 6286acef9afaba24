-- What a return owes may pay for other goods: the tender names the return, and the refund names the tender. Both say how much of
-- it goes back to cash that somebody paid once.
ALTER TABLE tender ADD COLUMN return_id TEXT;
ALTER TABLE tender ADD COLUMN cash_minor BIGINT;
ALTER TABLE refund ADD COLUMN credit_sale_id TEXT;
ALTER TABLE refund ADD COLUMN credit_tender_id TEXT;
ALTER TABLE refund ADD COLUMN cash_minor BIGINT;
ALTER TABLE refund ADD COLUMN released_at BIGINT;
