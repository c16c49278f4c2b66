"""The HTTP API: the endpoints that existing integrations speak, and `/api/v1`."""
