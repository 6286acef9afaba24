-- Movements by kind: why goods were written off, and when they moved where that was before it was recorded.

ALTER TABLE movement ADD COLUMN write_off_reason TEXT;
ALTER TABLE movement ADD COLUMN occurred_at BIGINT;

-- Those that do not follow from a sale: a list by kind finds its few among the many, and a sale keeps no index for it.
CREATE INDEX movement_by_hand ON movement (merchant_id, id) WHERE kind <> 'sale';
