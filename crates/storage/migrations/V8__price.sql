-- A sale keeps how its amounts become tax. Until now no merchant had other rules than these, so the sales that are there were
-- made on these terms.
ALTER TABLE sale ADD COLUMN price_mode TEXT NOT NULL DEFAULT 'inclusive';
ALTER TABLE sale ADD COLUMN tax_rounding TEXT NOT NULL DEFAULT 'down';

-- What is taken off a sale, a document; nothing for most sales. Each line keeps what its shares come to.
ALTER TABLE sale ADD COLUMN discounts TEXT;
ALTER TABLE sale_line ADD COLUMN discount_minor BIGINT NOT NULL DEFAULT 0;

-- How much cashiers may take off by hand, in basis points.
ALTER TABLE merchant ADD COLUMN discount_limit BIGINT NOT NULL DEFAULT 1000;
