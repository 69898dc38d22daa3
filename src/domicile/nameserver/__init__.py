"""The authoritative name server: answers from its replica and nothing else."""
