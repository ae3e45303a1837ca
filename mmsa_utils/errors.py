"""The one exception that the package raises for bad input."""


class CourseError(Exception):
    """Bad input, said in words: which file or name, what is wrong, what to do."""
