"""The scripts that teach a shell to ask this program what fits at the cursor."""

from __future__ import annotations

from agent_exec.cli.grammar import PROGRAM

_BASH = r"""_agent_exec_tui_complete() {
    local IFS=$'\013' found
    local words=("${COMP_WORDS[@]}")
    words[COMP_CWORD]="${COMP_WORDS[COMP_CWORD]}"
    found=$(COMPLETE="bash" _CLAP_IFS="$IFS" _CLAP_COMPLETE_INDEX="$COMP_CWORD" \
        @PROGRAM@ -- "${words[@]}" 2>/dev/null)
    case $? in
        0) COMPREPLY=($found) ;;
        3) COMPREPLY=(); compopt -o default -o filenames 2>/dev/null ;;
        *) COMPREPLY=() ;;
    esac
}
complete -o nosort -F _agent_exec_tui_complete @PROGRAM@ 2>/dev/null ||
    complete -F _agent_exec_tui_complete @PROGRAM@
"""

_ZSH = r"""#compdef @PROGRAM@
_clap_dynamic_completer_agent_exec_tui() {
    local found
    found=$(COMPLETE="zsh" _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((CURRENT - 1)) \
        @PROGRAM@ -- "${words[@]}" 2>/dev/null)
    case $? in
        0) ;;
        3) _files; return ;;
        *) return 1 ;;
    esac
    local -a candidates=("${(@f)found}")
    [[ -n $found ]] && _describe -V 'values' candidates
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _clap_dynamic_completer_agent_exec_tui "$@"
else
    compdef _clap_dynamic_completer_agent_exec_tui @PROGRAM@
fi
"""

_FISH = r"""function __agent_exec_tui_complete
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    COMPLETE=fish @PROGRAM@ -- $before "$current" 2>/dev/null
    if test $status -eq 3
        __fish_complete_path "$current"
    end
end
complete --keep-order --no-files --command @PROGRAM@ --arguments '(__agent_exec_tui_complete)'
"""

_POWERSHELL = r"""Register-ArgumentCompleter -Native -CommandName @PROGRAM@ -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.ToString() })
    if ($wordToComplete -eq '') { $words += '' }
    $env:COMPLETE = 'powershell'
    $env:_CLAP_COMPLETE_INDEX = $words.Count - 1
    try {
        & @PROGRAM@ -- @words 2>$null | Where-Object { $_ } | ForEach-Object {
            [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
        }
    } finally {
        Remove-Item Env:COMPLETE, Env:_CLAP_COMPLETE_INDEX
    }
}
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH, "powershell": _POWERSHELL}


def script_for(shell: str) -> str:
    """The script a user of *shell* evaluates or keeps."""
    return SCRIPTS[shell].replace("@PROGRAM@", PROGRAM)
