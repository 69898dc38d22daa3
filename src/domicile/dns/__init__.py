"""The DNS on the wire, without input or output: names, messages, answers."""
