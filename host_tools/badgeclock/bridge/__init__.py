"""The bridge: handles punches from clocks and brings a reception number back for each.

The way of a punch, room by room: `intake` verifies what the broker delivers against the clock's seal, `presences`
decides what is to be declared, `registrar` brings it to the authority, `downlink` sends the receipt to the clock.
`store` is the only thing they share. `people` and `clocks` are what the office knows of both, `operations` what is done
to a whole store, `web` the interfaces over HTTP. `service` puts the parts together.
"""
