"""The authority, simulated: strict about requests, correct in its answers, with faults by a script.

One concern per file, in the order of a request's processing: `app` (HTTP) and `connections`, `admission` (before and
after the handler) and `control` (its script), then by wire `soap` with `wire` (messages in and out), or `rest` with
`rest_models` and `tokens`; `service` (the authority's actions), `rules` (checks of items), `store` (state that survives
kill -9). `credentials` are its keys. `server` runs it.
"""
