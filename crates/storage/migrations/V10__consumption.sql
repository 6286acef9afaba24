-- Where the goods of a sale are eaten, and the tax class of an article that is eaten in the shop.
ALTER TABLE sale ADD COLUMN consumption TEXT NOT NULL DEFAULT 'take_away';
ALTER TABLE article ADD COLUMN eat_in_tax_class TEXT;
