"""`python -m dfks_rules` is `dfks`."""

from dfks_rules.cli.main import main

main()
