"""What keeps a host in the fleet: its supervisor, and the way it gets there. Standard library only."""
