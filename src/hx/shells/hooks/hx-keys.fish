
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

    function __hx_pick_up
        if test (commandline -b | count) -gt 1; or commandline --paging-mode
            up-or-search
        else
            __hx_pick --scope session
        end
    end

    if test "$TERM" != dumb
        for mode in default insert
            contains ctrl-r @KEYS@; and bind -M $mode \cr __hx_pick
            contains up @KEYS@; and bind -M $mode \e\[A __hx_pick_up; and bind -M $mode \eOA __hx_pick_up
        end
    end
