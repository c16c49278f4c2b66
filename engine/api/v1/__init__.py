"""`/api/v1`: JSON resources described by OpenAPI 3.1."""
