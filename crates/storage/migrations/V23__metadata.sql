-- What a vendor notes on records of ours: one document a record, and NULL where there is none.
ALTER TABLE article ADD COLUMN metadata TEXT;
ALTER TABLE customer ADD COLUMN metadata TEXT;
ALTER TABLE sale ADD COLUMN metadata TEXT;
ALTER TABLE payment ADD COLUMN metadata TEXT;
ALTER TABLE return ADD COLUMN metadata TEXT;
ALTER TABLE transfer ADD COLUMN metadata TEXT;
ALTER TABLE stocktake ADD COLUMN metadata TEXT;
