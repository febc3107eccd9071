"""The exchange with badges, above the reader chip: detection, commands and proofs."""
