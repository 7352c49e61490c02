"""`dfks policy lsp`: what `policy.editing` knows, for editors, by the language server protocol.

    command → server (pygls) → folders (files on disk, and texts that are not saved yet)
                             → shapes (spans, findings and completions as the protocol has them)

Belongs here: the protocol, which folder a document belongs to, what is read when.
Never here: what stands at a place (`policy.editing`), what is wrong with a file (`policy`).
May import: everything below `cli`. Only `server` and `shapes` import pygls, which is an extra.
"""
