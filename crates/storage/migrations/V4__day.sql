-- A day's report and the status page find what they tell without a walk through everything that ever was. Each index holds
-- only the rows that are asked for.

CREATE INDEX sale_closed ON sale (merchant_id, closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX operation_refund ON operation (merchant_id, recorded_at) WHERE kind = 'refund';

-- The threshold below which an article is reordered; most articles have none.
ALTER TABLE stock_level ADD COLUMN reorder_at BIGINT;
CREATE INDEX stock_level_watched ON stock_level (location_id, article_id) WHERE reorder_at IS NOT NULL;
