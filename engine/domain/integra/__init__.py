"""The documented requests and answers of the Integra endpoints: pure readers and shapes.

Source of every rule: the API pages of the product whose integrations keep working here (docs/integra.md).
"""
