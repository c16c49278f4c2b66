"""What the dialer decides, without I/O, clock or dice: `now` and randomness are arguments."""
