-- Units, prices that hold for a time or in one location, variants, and what is told of an article.

ALTER TABLE article ADD COLUMN unit TEXT NOT NULL DEFAULT 'piece';
-- A document, where there are any.
ALTER TABLE article ADD COLUMN prices TEXT;
ALTER TABLE article ADD COLUMN variant_of TEXT;
ALTER TABLE article ADD COLUMN options TEXT;
ALTER TABLE article ADD COLUMN has_variants BOOLEAN NOT NULL DEFAULT FALSE;
CREATE UNIQUE INDEX article_variant ON article (merchant_id, variant_of, options) WHERE variant_of IS NOT NULL;

-- No sale reads these: they are long, and a price does not depend on them.
CREATE TABLE article_details (
    article_id TEXT NOT NULL PRIMARY KEY REFERENCES article (id),
    merchant_id TEXT NOT NULL,
    names TEXT NOT NULL,
    description TEXT NOT NULL,
    image_urls TEXT NOT NULL,
    version BIGINT NOT NULL
);
