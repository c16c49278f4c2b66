"""The moving parts between the pure domain and the adapters; asyncio, no vendor library."""
