"""What a result is made of: single queries, failures, distances, and what re-ranking moves."""
