"""Another model for a library, without starting over: its vectors beside the old ones, a fit, and the switch.

`beside` embeds the photos anew while the old model answers, `migration` prepares the switch and says what it will
change, `switch` makes it, in one commit, and goes back. Whoever prepares only reads the library but for the other
model's table; the switch is the writer's. Invariants: killed at any step, the library answers as before or as after;
what has a vector of the other model is not embedded again; no row is lost, for nothing is switched before every photo
has one.
"""
