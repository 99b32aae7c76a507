"""Data of galleries and maps: what a page shows, as plain records; for pages that are written and for live ones."""
