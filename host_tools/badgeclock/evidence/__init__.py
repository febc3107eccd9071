"""Evidence: what a clock's records prove to somebody who trusts neither the employer nor the bridge.

The verifier's steps, by file names: a clock's `keys`; `sources` reads a flash `image`, a `dump` of its messages or the
bridge's store (`store_source`); `timeline` merges them; `verifier` judges each record by the seal's own rules and
against the flash and other sources, `time_checks` against the clock's own times; `report_text` writes the `findings`
for people and scripts.
"""
