-- What a receipt says of its issuer and of the shop.

ALTER TABLE merchant ADD COLUMN legal_name TEXT;
ALTER TABLE merchant ADD COLUMN registration_number TEXT;
ALTER TABLE merchant ADD COLUMN is_sole_proprietor BOOLEAN NOT NULL DEFAULT FALSE;

-- Lines, one below the other.
ALTER TABLE location ADD COLUMN address TEXT NOT NULL DEFAULT '';
ALTER TABLE location ADD COLUMN phone TEXT;
