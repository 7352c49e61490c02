"""Strict YAML: text → plain values, each with its place; and one value → YAML.

Belongs here: what the reader takes and refuses, sizes and depths, how a scalar is written.
Never here: what a file means: keys, kinds and schemas belong to `policy` and `config`.
May import: errors. `import yaml` is PyYAML here as elsewhere: imports are absolute.
"""
