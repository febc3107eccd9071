"""The bridge: takes punches from clocks and brings a reception number back for each.

The way of a punch, file by file: `intake` groups what the broker delivers, `verify` judges it against the clock's seal,
`presences` decides what is to be declared, `registrar` brings it to the authority, `downlink` tells the clock. `store`
is the only thing they share.
"""
