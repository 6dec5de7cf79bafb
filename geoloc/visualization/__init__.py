"""Pictures of what a model finds: retrieval panels, maps, failures, reports."""
