"""Python's small objects in pages of 2 MiB (`native/arenas.c`), where C was compiled."""

try:
    from dfks_rules.app import _arenas
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True


def use_large_pages() -> None:
    """Have the kernel asked for them from now on; it need not have any."""
    if IS_COMPILED:
        _arenas.use_large_pages()
