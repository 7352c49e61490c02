"""Memory of the interpreter, asked for by C (`native/arenas.c`); see `arenas`."""

def use_large_pages() -> None:
    """Ask for pages of 2 MiB from now on, in place of what the interpreter asks for."""
