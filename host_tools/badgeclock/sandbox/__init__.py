"""The authority, simulated: strict on what it is sent, honest in what it answers, and told when to misbehave.

One concern a file, in the order a request meets them: `app` (HTTP) and `connections`, `control` (what it was told to
do), `wire` (SOAP in and out), `service` (the four operations), `rules` (what an item must be), `store` (what survives
kill -9). `server` runs it, `process` runs it as a child.
"""
