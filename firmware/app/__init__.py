"""The clock's application: portable, one concern a file. It imports no hardware; main.py hands everything in."""
