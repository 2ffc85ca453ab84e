"""Plain functions over text: sentences, index terms, values, language, passages."""
