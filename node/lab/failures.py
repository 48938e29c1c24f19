"""Errors out of the groups that task groups put around them."""


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first error itself, however deep it lies."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
