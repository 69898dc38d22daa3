"""The lines to try at the end of a verb's help."""


def examples(*lines: str) -> str:
    """Give the end of a verb's help, which is not wrapped."""
    return "\n  ".join(("\b\nExamples:", *lines))
