"""Settings: what an operator may choose, checked before anything starts.

Belongs here: the settings, their defaults, reading them from dfks.yaml and the environment; the
files that they name, but for policies.
Never here: opening sockets or stores, reading policies.
May import: every room below; reads YAML with `yaml.tree`, as policies are read.
"""

from dfks_rules.config.load import load_config
from dfks_rules.config.settings import Config

__all__ = ["Config", "load_config"]
