"""Bad days of a library: what is done to it, what happens meanwhile, and what must hold afterwards; see `chaos`."""
