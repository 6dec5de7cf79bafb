"""Is this installation fit to run geoloc? Answered without importing what may be broken."""
