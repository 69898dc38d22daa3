"""The one root of all errors that Domicile raises on purpose.

Each error lives beside its raiser. Its message is one sentence for a person:
what was wrong, where, and what would be right.
"""


class DomicileError(Exception):
    """Something was wrong, and the message says what would be right."""
