"""What the four services share: parent and workers, sockets, admin, logs."""
