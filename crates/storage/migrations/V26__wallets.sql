-- Payments by code: the shop's own code is stored, because it has to be shown again; one that the customer shows never is.
-- An approval says who pays it, where the provider tells.

ALTER TABLE payment ADD COLUMN is_scanned BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE payment ADD COLUMN presented_code TEXT;
ALTER TABLE payment ADD COLUMN presented_code_id TEXT;
ALTER TABLE payment ADD COLUMN presented_until BIGINT;
ALTER TABLE operation ADD COLUMN paid_by_customer_minor BIGINT;
ALTER TABLE operation ADD COLUMN paid_by_provider_minor BIGINT;
ALTER TABLE operation ADD COLUMN receivable_minor BIGINT;
