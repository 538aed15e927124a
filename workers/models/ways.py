"""Ways by which a host gets a model file that it lacks."""

STORE, SHARED, PEER, UPSTREAM = "store", "shared", "peer", "upstream"
WAYS = (STORE, SHARED, PEER, UPSTREAM)
"""The host's own model store, a folder that hosts share, another host, where the catalogue says."""
