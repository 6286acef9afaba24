-- Credentials of connections, sealed under a key that is not in the database. After a change the ones before live on for a while.

ALTER TABLE connection ADD COLUMN credentials BYTEA;
ALTER TABLE connection ADD COLUMN credentials_number BIGINT;
ALTER TABLE connection ADD COLUMN old_credentials BYTEA;
ALTER TABLE connection ADD COLUMN old_credentials_until BIGINT;
