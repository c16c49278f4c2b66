"""What bad input raises: it names the field, what is wrong and the fix. What a log may say of others."""


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

    @property
    def advice(self) -> str:
        """Field and fix without any of the value, which may be a number or a name: what a log may say."""
        return f"{self.field}: {self.fix}"


def excerpt(value: str, limit: int = 40) -> str:
    """Return a quoted, printable, shortened form of `value` for an error message."""
    shown = value if len(value) <= limit else value[: limit - 1] + "…"
    return repr(shown)


class Refused(Exception):  # noqa: N818  # it is what the answer says
    """Somebody asked for what he may not do, or what cannot be done now. The text names no person and no
    number: it may go into logs."""


def where(error: BaseException) -> str:
    """Return kind and place of a fault without any value: that is what a log may say of it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else ""
    return f"{type(error).__name__} in {place}"
