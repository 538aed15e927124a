"""The sealed world: a web site on loopback, a directory, a mailbox and a clock, all by seed."""
