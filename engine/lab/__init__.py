"""Private, throw-away copies of the real parts: MariaDB, Asterisk, SIPp.

The demo and the tests run the engine against these. Each part lives in a folder of its own,
listens on loopback ports that were free, and is gone when it is stopped; services that the
machine runs itself are never touched.
"""
