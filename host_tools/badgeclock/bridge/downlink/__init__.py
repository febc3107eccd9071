"""What goes to clocks: numbered frames, orders, rosters."""
