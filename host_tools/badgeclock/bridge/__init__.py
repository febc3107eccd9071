"""The bridge: handles punches from clocks and brings a reception number back for each.

The way of a punch, room by room: `intake` verifies what the broker delivers against the clock's seal, and in the same
transaction `presences` decides what is to be declared. `registrar` declares it to the authority, `downlink` sends the
receipt to the clock. Between two steps the work is only in `store`, so a restart loses none of it. `people` and
`clocks` hold the office's data on both, `attention` lists what needs a person, `operations` works on a whole store,
`web` has the interfaces over HTTP. `service` puts the parts together. docs/rooms.md draws which room imports which.
"""
