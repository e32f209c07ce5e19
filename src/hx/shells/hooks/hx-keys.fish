
    # The line goes through a pipe, because other users can see arguments and environment.
    function __hx_pick
        set -l answer (begin
            if test -x $__hx_exe
                commandline -b | command $__hx_exe search -i --widget fish --pastes $argv
                builtin printf '.%s' $pipestatus[2]
            end
        end | string collect --no-trim-newlines)
        commandline -f repaint
        switch "$answer"
            case 'r:*.0' 'e:*.0'
                commandline -r -- (string sub --start 3 --end -2 -- $answer | string collect)
                string match -q 'r:*' -- $answer; and __hx_execute
            case .129 '.13?' '.14?' '.15?' # left, or ended by a signal; below that it did not start
            case '*'
                commandline -f history-pager
        end
    end

    # fish expands an abbreviation that the cursor is at, so it goes behind a blank.
    function __hx_execute
        set -gu __hx_chosen (commandline -b | string collect)
        string match -qr '\S$(?<!\\\\)' -- $__hx_chosen; and abbr --list | read --local any
        and commandline -i ' '
        or set -e __hx_chosen
        commandline -f execute
    end

    # Others may have bound the keys since then: hx doctor tells it.
    function __hx_look_at_keys
        set -e __hx_is_key_unseen
        begin
            builtin printf '\0HX1K'
            contains ctrl-r @KEYS@
            and builtin printf '\0k'
            and builtin bind -M $fish_bind_mode \cr
            contains up @KEYS@
            and builtin printf '\0a'
            and builtin bind -M $fish_bind_mode \e\[A
            builtin printf '\0\0'
        end >>$__hx_file 2>/dev/null
    end

    function __hx_pick_up
        if test (commandline -b | count) -gt 1; or commandline --paging-mode
            up-or-search
        else
            __hx_pick --scope session
        end
    end

    function __hx_bind_keys
        test "$TERM" != dumb; or return
        set -gu __hx_is_key_unseen 1
        for mode in default insert
            for key in \cr \e\[A \eOA # what the keys did before, for hx init --off
                set -l before (bind --user -M $mode $key 2>/dev/null)
                string match -q '*__hx_*' -- "$before"; or set -ga __hx_keys $before
            end
            contains ctrl-r @KEYS@; and bind -M $mode \cr __hx_pick
            contains up @KEYS@; and bind -M $mode \e\[A __hx_pick_up; and bind -M $mode \eOA __hx_pick_up
        end
    end
    __hx_bind_keys
