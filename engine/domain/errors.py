"""The one error that bad input raises: it names the field, what is wrong and the fix."""


class FieldError(ValueError):
    """A value that a supervisor, a file or a row gave cannot be used.

    `field` is the column or setting, `problem` what is wrong with it, `fix` what would be right.
    The text is meant for people and holds no more of the value than a short, printable extract.
    """

    def __init__(self, field: str, problem: str, fix: str) -> None:
        super().__init__(f"{field}: {problem}. {fix}")
        self.field = field
        self.problem = problem
        self.fix = fix


def excerpt(value: str, limit: int = 40) -> str:
    """Return a quoted, printable, shortened form of `value` for an error message."""
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    return repr(shown)


class Refused(Exception):  # noqa: N818  # it is what the answer says
    """Somebody asked for what he may not do, or what cannot be done now. The text names no person and no
    number: it may go into logs."""
