"""Files to articles: formats, metadata, boilerplate, and changes to the folder."""
