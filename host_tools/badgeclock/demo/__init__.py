"""The whole way of a punch on one machine: broker, sandbox, bridge and a virtual clock, with a page to watch it."""
