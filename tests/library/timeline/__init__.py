"""Events, trips and places of a library."""
