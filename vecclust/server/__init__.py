"""The one local API over a library."""
