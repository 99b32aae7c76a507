"""Training and judging of the small bundled CLIP model: outside the package, as its users need none of it."""
