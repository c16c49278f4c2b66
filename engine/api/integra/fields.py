"""From a request's form to the fields that the domain reads."""

from __future__ import annotations

from engine.api.integra.form import Form
from engine.domain.integra.fields import Fields


def fields(form: Form, *names: str) -> Fields:
    """Return these fields of a form."""
    return Fields({name: form.get(name) for name in names if form.has(name)})
