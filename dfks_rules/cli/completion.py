"""`dfks completion`: has a shell complete commands, options, and methods of MI."""

import click
from click.shell_completion import get_completion_class

_BASH = """\
_dfks_completion() {
    # By white space only: bash itself also splits at `:` and `=`, which names of methods have.
    local line=${COMP_LINE:0:COMP_POINT} words current before kind value
    read -ra words <<< "$line"
    if [[ $line == *[[:space:]] ]]; then words+=(""); fi
    current=${words[${#words[@]} - 1]}
    before=${current%"${current##*[:=]}"}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames 2> /dev/null ;;
            file) compopt -o default 2> /dev/null ;;
            plain)
                # bash replaces only what follows the last `:` or `=`.
                COMPREPLY+=("${value#"$before"}")
                if [[ $value == *= ]]; then compopt -o nospace 2> /dev/null; fi
                ;;
        esac
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$((${#words[@]} - 1)) \\
        _DFKS_COMPLETE=bash_complete "${words[0]}" 2> /dev/null)
}
complete -o nosort -F _dfks_completion dfks
"""


@click.command(name="completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script by which SHELL completes `dfks`: commands, options, and methods of MI.

    For bash, put `eval "$(dfks completion bash)"` into ~/.bashrc; for zsh likewise into ~/.zshrc,
    after `compinit`; for fish, write it to ~/.config/fish/completions/dfks.fish.
    """
    if shell == "bash":
        click.echo(_BASH, nl=False)
        return
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101 - click knows these
    root = click.get_current_context().find_root().command
    click.echo(made(root, {}, "dfks", "_DFKS_COMPLETE").source())
