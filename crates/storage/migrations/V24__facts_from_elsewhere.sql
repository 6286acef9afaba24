-- Facts from elsewhere: who told them, and when the hub learned of them. Empty for all that happened here.

ALTER TABLE sale ADD COLUMN origin TEXT;
ALTER TABLE sale ADD COLUMN recorded_at BIGINT;
ALTER TABLE return ADD COLUMN origin TEXT;
ALTER TABLE return ADD COLUMN recorded_at BIGINT;
ALTER TABLE unreferenced_return ADD COLUMN origin TEXT;
ALTER TABLE unreferenced_return ADD COLUMN recorded_at BIGINT;
ALTER TABLE movement ADD COLUMN origin TEXT;
