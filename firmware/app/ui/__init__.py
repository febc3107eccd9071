"""What a person sees and hears of the clock. It draws and sounds; it decides nothing about a punch."""
