"""What keeps a host in the fleet, and the way it gets there. Standard library only."""
