-- A text has passages and sentences; an article is a path with metadata and one text. Several
-- articles may share a text. near_duplicates has each pair of texts in both orders.
--
-- Rows of passages are never used again, so a search index can find what changed: the rows above
-- the last one it holds, and those listed in dropped. Vectors of passages are float32, vectors of
-- sentences float16; terms are the numbers of all terms of a text, in order, uint32; all
-- little-endian. No term has the number 0.
--
-- The checksum of a page of zeros is valid, so the last column of a long row must be one that zeros
-- cannot imitate: a text whose hash is known, JSON, or numbers of terms.

CREATE TABLE manifest (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE texts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, article_id TEXT NOT NULL UNIQUE, language TEXT,
    words INTEGER NOT NULL, characters INTEGER NOT NULL, text TEXT NOT NULL
) STRICT;
CREATE TABLE articles (
    number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE,
    text_number INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
    title TEXT NOT NULL, headline TEXT, outlet TEXT, author TEXT, published TEXT, url TEXT,
    language TEXT, boilerplate TEXT NOT NULL, file_sha256 TEXT NOT NULL, pages TEXT NOT NULL,
    origins TEXT NOT NULL
) STRICT;
CREATE INDEX articles_text ON articles (text_number);
CREATE INDEX articles_language ON articles (language);
CREATE TABLE files (path TEXT PRIMARY KEY, signature TEXT NOT NULL, articles TEXT NOT NULL,
    skipped TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE bands (
    band INTEGER NOT NULL, text_number INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
    PRIMARY KEY (band, text_number)
) STRICT, WITHOUT ROWID;
CREATE INDEX bands_text ON bands (text_number);
CREATE TABLE near_duplicates (
    one INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
    other INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE, PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX near_duplicates_other ON near_duplicates (other);
CREATE TABLE terms (
    number INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE, passages INTEGER NOT NULL
) STRICT;
CREATE TABLE passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    text_number INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector BLOB NOT NULL, terms BLOB NOT NULL,
    UNIQUE (text_number, start, "end")
) STRICT;
CREATE TABLE dropped (
    number INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER NOT NULL
) STRICT;
CREATE TABLE sentences (
    text_number INTEGER NOT NULL REFERENCES texts ON DELETE CASCADE,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, vector BLOB NOT NULL, terms BLOB NOT NULL,
    PRIMARY KEY (text_number, start)
) STRICT, WITHOUT ROWID;
