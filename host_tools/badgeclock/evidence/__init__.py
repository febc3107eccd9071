"""Evidence: what a clock's records prove to somebody who trusts neither the employer nor the bridge.

The way of the verifier, by file names: a clock's `keys`; records out of a flash `image`, a `dump` of its messages or
the bridge's `shelf`; laid one on the other in a `timeline`; judged in `journal` by the seal's own rules and against
what the flash and others know, in `plausible` against the clock's own words about time; told in `findings`' words.
"""
