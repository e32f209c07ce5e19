
    # fish reads the completions at the first Tab after the command. The user's own folder comes first.
    if not contains -- @COMPLETIONS@/fish $fish_complete_path
        set -g fish_complete_path $fish_complete_path[1] @COMPLETIONS@/fish $fish_complete_path[2..]
    end
