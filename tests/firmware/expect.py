"""What pytest.raises does, inside MicroPython."""


def raised(kind, call, *arguments):
    """The error of `kind` that the call raises; AssertionError if it raises none."""
    try:
        call(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised for {arguments}")
