"""GlobeWorld: a small random planet and its photos, the rendered stand-in for OSV5M."""
