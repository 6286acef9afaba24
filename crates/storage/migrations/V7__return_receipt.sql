-- The receipt of a return says of which return of the sale it was given.
ALTER TABLE receipt ADD COLUMN return_number BIGINT;
