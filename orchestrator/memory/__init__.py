"""What a launch will take of each device's memory, before it is started: pure functions."""
