"""The authority, simulated: strict on what it is sent, honest in what it answers, and misbehaving by a script.

One concern a file, in the order a request meets them: `app` (HTTP) and `connections`, `admission` (what it meets on its
way in and out) and `control` (its script), then by wire `soap` with `wire` (messages in and out), or `rest`
with `rest_models` and `tokens`; `service` (what an authority does), `rules` (what an item must be), `store` (what
survives kill -9). `credentials` are its keys. `server` runs it.
"""
