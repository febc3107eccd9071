"""Calls somebody when nobody looks: by e-mail and webhook, once for each thing, and once more when it is over."""
