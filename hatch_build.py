"""Compiles what is written in C (docs/decisions/0031-a-splitter-in-c.md) when a wheel is built.

`make setup` makes an editable one, for which the result stays beside the sources. Without a C
compiler, or with HATCH_BUILD_NO_HOOKS=true, Python does the same, slower.
"""

import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

EXTENSIONS = {
    "dfks_rules.presence._packing": "dfks_rules/presence/native",
    "dfks_rules.sip._wire": "dfks_rules/sip/native",
    "dfks_rules.transport._datagrams": "dfks_rules/transport/native",
}
"""Name of each module → the folder of its sources."""


class NativeHook(BuildHookInterface):
    """Builds the extensions in place."""

    def dependencies(self) -> list[str]:
        """What building needs besides a C compiler."""
        return ["setuptools>=65"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and have the wheel contain the result."""
        if self.target_name != "wheel":
            return
        from setuptools import Distribution, Extension

        root = Path(self.root)
        extensions = [
            Extension(
                name,
                sources=sorted(str(one.relative_to(root)) for one in (root / folder).glob("*.c")),
                depends=sorted(str(one.relative_to(root)) for one in (root / folder).glob("*.h")),
                extra_compile_args=["-std=c11", "-Wall", "-Wextra", "-Werror=implicit"],
            )
            for name, folder in EXTENSIONS.items()
        ]
        command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        command.inplace = True
        command.build_temp = str(root / "build/native")
        command.ensure_finalized()
        command.run()
        suffix = sysconfig.get_config_var("EXT_SUFFIX")
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["artifacts"] += [f"/{name.replace('.', '/')}{suffix}" for name in EXTENSIONS]
