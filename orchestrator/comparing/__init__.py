"""Values of one axis, everything else alike: what is compared with what, and what came out."""
