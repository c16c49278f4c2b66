"""From a request's form to the fields that the domain reads."""

from __future__ import annotations

from engine.api.integra.form import Form
from engine.domain.integra.fields import Fields


def fields(form: Form, *names: str) -> Fields:
    """Return these fields of a form; of several with one name the first that is not empty counts (clients
    send `d2` twice, once empty)."""
    values = {}
    for name in names:
        if form.has(name):
            values[name] = next(filter(None, form.all(name)), "")
    return Fields(values)
