-- A sale keeps how its amounts become tax. Until now no merchant had other rules than these, so the sales that are there were
-- made on these terms.
ALTER TABLE sale ADD COLUMN price_mode TEXT NOT NULL DEFAULT 'inclusive';
ALTER TABLE sale ADD COLUMN tax_rounding TEXT NOT NULL DEFAULT 'down';
