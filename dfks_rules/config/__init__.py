"""Settings: what an operator may choose, checked before anything starts.

Belongs here: the settings, their defaults, reading them from dfks.yaml and the environment.
Never here: opening sockets or stores, reading policies.
May import: every room below; reads dfks.yaml with `yaml.source`, as policies are read.
"""

from dfks_rules.config.load import load_config
from dfks_rules.config.settings import Config

__all__ = ["Config", "load_config"]
