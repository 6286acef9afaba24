-- What providers told by themselves and no rule makes an outcome of, once each.
CREATE TABLE provider_notice (
    connection_id TEXT NOT NULL,
    notice_id TEXT NOT NULL,
    id TEXT NOT NULL,
    merchant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payment_id TEXT,
    amount_minor BIGINT,
    is_signed BOOLEAN NOT NULL,
    fields TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (connection_id, notice_id)
) [clustered];
CREATE UNIQUE INDEX provider_notice_id ON provider_notice (merchant_id, id);
CREATE INDEX provider_notice_payment ON provider_notice (payment_id) WHERE payment_id IS NOT NULL;
