"""The bridge: handles punches from clocks and brings a reception number back for each.

The way of a punch, room by room: `intake` verifies what the broker delivers against the clock's seal, and in the same
transaction `presences` decides what is to be declared. `registrar` brings it to the authority, `downlink` sends the
receipt to the clock. From one step to the next the work is in `store` alone, so a restart loses none of it. `people`
and `clocks` are what the office knows of both, `attention` is what waits for a person, `operations` what is done to a
whole store, `web` the interfaces over HTTP. `service` puts the parts together. docs/rooms.md draws who imports whom.
"""
