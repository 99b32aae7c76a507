"""The demo's sample album: scenes drawn by code, written as a phone would have written them.

Knows how to make pictures and files. Refuses to know libraries, models and clusters; nothing outside the demo, the
tests and the training script of the bundled model imports it.
"""
