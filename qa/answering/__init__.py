"""Questions to answers: analysis, retrieval, ranking, differences."""
