"""The index: the SQLite database, its search indexes, and the sync that fills them."""
