"""What the name of a file beside policies says of it; nothing is imported for that."""


def is_proofs_file(name: str) -> bool:
    """Whether a file in a directory of policies holds proofs rather than a policy."""
    return name.endswith("proofs.yaml")
