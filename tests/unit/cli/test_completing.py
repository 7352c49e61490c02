"""What may stand in a command line of `dfks mi`."""

from click.shell_completion import ShellComplete

from dfks_rules.cli.main import dfks
from dfks_rules.mi.methods import REGISTRY


def _completed(*arguments: str) -> list[str]:
    """What may stand in place of the last argument."""
    *given, incomplete = arguments
    found = ShellComplete(dfks, {}, "dfks", "_DFKS_COMPLETE").get_completions(given, incomplete)
    return [one.value for one in found]


def test_every_method_and_alias_is_found_by_its_beginning() -> None:
    """With what it does."""
    assert _completed("mi", "") == REGISTRY.names
    assert _completed("mi", "policy:re") == ["policy:reload"]
    assert _completed("mi", "dfks_set") == ["dfks_set_feature"]
    assert "mi" in _completed("m")


def test_arguments_are_completed_by_position_or_by_name() -> None:
    """As `dfks mi` takes them: all by position, or all by name."""
    assert _completed("mi", "dfks_set_feature", "sip:a@b", "CallForwardingA") == [
        "CallForwardingAlways"
    ]
    assert _completed("mi", "dfks_set_feature", "sip:a@b", "DoNotDisturb", "") == ["0", "1"]
    assert _completed("mi", "dfks_set_feature", "pre") == ["presentity="]
    named = _completed("mi", "dfks_set_feature", "presentity=sip:a@b", "")
    assert named == ["feature=", "status=", "route_param=", "values="]
    assert _completed("mi", "dfks_set_feature", "presentity=a@b", "feature=Do") == [
        "feature=DoNotDisturb"
    ]
    assert _completed("mi", "which", "policy:rel") == ["policy:reload"]
    assert _completed("mi", "log_level", "de") == ["debug"]
    assert _completed("mi", "policy:reload", "") == []
    assert _completed("mi", "nonsense", "") == []
    assert _completed("mi", "which", "which", "") == []
