"""Sends notices by e-mail and webhook: one when something needs attention, and one when it is over."""
