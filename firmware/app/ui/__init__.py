"""Display, tones and lamp of the clock. It decides nothing about a punch."""
