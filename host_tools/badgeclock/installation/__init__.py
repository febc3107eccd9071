"""A site's installation: what it is made of, how its parts run as services, and what may be wrong with it."""
