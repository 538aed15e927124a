"""The fleet: hosts under Ray, their actors, and what the driver hears from them."""
