# The hook of hx for fish 3.4 and later. It uses only builtins, so a command starts no process.
# fish has no clock. The hook asks date once for the time and adds the uptime of each command (10 ms).
# A write to a file of hx shows the time in seconds: when the clock was set meanwhile, it asks again.
# Without /proc/uptime the time is that of such a write.
if status is-interactive
    set -gu __hx_dir @SPOOL@
    set -gu __hx_pause @PAUSE@
    set -gu __hx_exe @HX@
    set -gu __hx_hook @VERSION@
    set -gu __hx_sync @SYNC@
    set -gu __hx_start @START@
    set -gu __hx_sync_from_s 0

    function __hx_begin
        set -gu __hx_seq 0
        set -gu __hx_numbers 1 2 3 4 5 6 7 8 9
        set -gu __hx_tens 0
        # seq of the running command and the generation of $status before it; empty when there is none
        set -gu __hx_running ''
        set -gu __hx_status 0 # before the command
        set -gu __hx_generation 0
        set -gu __hx_last_seq 4096 # of this generation
        set -gu __hx_stop_seq 4096 # the same, or less while writes fail
        set -gu __hx_bytes 0
        set -gu __hx_failed_seq -1
        set -gu __hx_wait 0
        set -gu __hx_skip 0
        set -lx PATH $PATH /usr/bin /bin # it may lead nowhere
        set -eg __hx_session
        set -gu __hx_begin_us (__hx_date)
        test -n "$__hx_begin_us"; or return
        set -gu __hx_passed_s ''
        set -gu __hx_boot_us '' # the time at which the uptime was 0; empty without /proc/uptime
        set -gu __hx_checked_s '' # the uptime at which hx last looked whether the clock was set
        set -gu __hx_least_gap 0
        set -gu __hx_most_gap 0
        test -r /proc/uptime; and __hx_set_clock $__hx_begin_us (__hx_uptime)
        set -gu __hx_session (builtin printf '%016x%s' $__hx_begin_us (__hx_random_hex))
        set -gx HX_SESSION $__hx_session
        __hx_read_facts
        test -d $__hx_dir; or __hx_make_folder
        test -O $__hx_dir; and __hx_check_size
    end

    function __hx_date # microseconds, or nothing
        set -lx PATH $PATH /usr/bin /bin # it may lead nowhere
        set -l now_us (command date +%s%6N 2>/dev/null)
        # BSD date has no fractions of a second
        string match -qr '^\d+$' -- "$now_us"; or set now_us (command date +%s 2>/dev/null)000000
        string match -rg '^0*(\d{7,})$' -- "$now_us" # a clock may stand in 1970
    end

    # The gap between the clock and the uptime moves only when the clock is set.
    function __hx_set_clock # now_us uptime [gap of the clock that stamps files]
        set __hx_boot_us (builtin math -s0 -- "$argv[1] - $argv[2] * 1000000")
        set -l gap (builtin math -s2 -- "$__hx_boot_us / 1000000")
        set __hx_least_gap (builtin math -- $gap - 2.5) # stamps are whole seconds, on FAT even ones
        set __hx_most_gap (builtin math -- $gap + 1.5)
        set -q argv[3]; or return
        test $argv[3] -ge $__hx_least_gap -a $argv[3] -le $__hx_most_gap; and return
        # a file server has another clock
        set __hx_least_gap (builtin math -- $argv[3] - 2.5)
        set __hx_most_gap (builtin math -- $argv[3] + 2.5)
    end

    # Something was written to the file just now. A pipe to read takes less time than a substitution.
    function __hx_check_clock # uptime in whole seconds
        set __hx_checked_s $argv[1]
        builtin path mtime -- $__hx_file 2>/dev/null | read --local changed_s; or return # fish 3.5
        builtin math -- $changed_s - $argv[1] | read --local gap
        test $gap -ge $__hx_least_gap -a $gap -le $__hx_most_gap; and return
        set -l now_us (__hx_date)
        test -n "$now_us"; and __hx_set_clock $now_us (__hx_uptime) $gap
    end

    function __hx_uptime
        read --local --delimiter ' ' up idle </proc/uptime
        builtin echo $up
    end

    function __hx_random_hex # 16 digits
        if test -r /proc/sys/kernel/random/uuid
            read --local uuid </proc/sys/kernel/random/uuid
            # without the digits that all uuids of this version share
            string replace -r '^(.{8})-(.{4})-.*(.{4})$' '$1$2$3' -- $uuid
        else
            builtin printf '%08x' (builtin random 0 4294967295) (builtin random 0 4294967295)
        end
    end

    function __hx_read_facts # each empty where it is not known
        set -gu __hx_parent ''
        set -gu __hx_boot_id ''
        set -gu __hx_tty (builtin realpath /proc/self/fd/0 2>/dev/null)
        string match -q '/dev/*' -- "$__hx_tty"; or set __hx_tty ''
        if test -r /proc/self/stat
            read --local stat </proc/self/stat
            set __hx_parent (string match -rg '^.*\) \S (\d+) ' -- $stat)
        end
        test -r /proc/sys/kernel/random/boot_id
        and read __hx_boot_id </proc/sys/kernel/random/boot_id
    end

    function __hx_make_folder # root must not put its own folders into the home of somebody else
        set -l existing $__hx_dir
        while not test -d $existing
            set existing (string replace -r '/[^/]*$' '' -- $existing)
            test -n "$existing"; or set existing /
        end
        test -O $existing; or not fish_is_root_user; or return
        set -l mask $umask
        set -g umask 077
        command mkdir -p -- $__hx_dir 2>/dev/null
        set -g umask $mask
    end

    function __hx_check_size # sizes in KiB; once a shell, behind its back
        command sh -c '(
            used=$(du -sk -- "$1" 2>/dev/null)
            [ "${used%%[!0-9]*}" -gt 1024 ] && exec "$2" status
        ) &' hx $__hx_dir $__hx_exe </dev/null >/dev/null 2>&1
    end

    # Most lines need only two tests: the pattern finds the lines that need more.
    function __hx_preexec --on-event fish_preexec
        set __hx_status $status
        set __hx_running ''
        if set -q __hx_chosen
            test "$argv[1]" = "$__hx_chosen "; and set argv[1] $__hx_chosen
            set -e __hx_chosen
        end
        test x = "x$HX_PRIVATE$fish_private_mode" -a ! -e $__hx_pause
        or __hx_is_open; or return
        functions -q fish_should_add_to_history # fish 4
        and not fish_should_add_to_history $argv[1] >/dev/null 2>&1; and return
        string match -qr '^\s*[ \t#]|hx|history-extended|^(?s:.{200})' -- $argv[1]
        and not __hx_is_fit $argv[1]; and return
        test $__hx_seq -lt $__hx_stop_seq; or __hx_go_on; or return
        test -O $__hx_dir -a -s $__hx_file -a -w $__hx_file; or __hx_make_file; or return
        __hx_record_start $argv[1]
    end

    function __hx_postexec --on-event fish_postexec
        set -l statuses $status $pipestatus
        test -n "$__hx_running" -a ! -e $__hx_sync; or __hx_mind_files; or return
        set -l running $__hx_running
        set __hx_running ''
        test -e $__hx_pause; and __hx_is_paused; and return
        set -q statuses[3]; and not __hx_has_pipeline $argv[1]
        and set statuses $statuses[1] $statuses[1]
        test -O $__hx_dir -a -s $__hx_file -a -w $__hx_file; or return
        set -l outcome "\0x$statuses[1]\0p$statuses[2..-1]"
        test "$running[2]" = "$status_generation"
        and test $statuses[1] = $__hx_status
        and __hx_judge_without_status
        builtin printf "\0HX1E\0n%s\0D%s$outcome\0\0" $running[1] "$CMD_DURATION" \
            >>$__hx_file 2>/dev/null
        or __hx_back_off
        set -q __hx_is_key_unseen; and __hx_look_at_keys
    end

    function __hx_mind_files # succeeds when the line that ran is recorded
        test -e $__hx_sync; and __hx_mind_sync
        test -n "$__hx_running"
    end

    # `hx sync auto on --by shell` lets the shells start a sync, at most one in 15 minutes of all shells. The
    # file belongs to somebody else in a shell of root with the HOME of a user.
    function __hx_mind_sync
        if test -n "$__hx_boot_us" # look once a minute
            read --local --delimiter . second rest </proc/uptime
            test $second -lt $__hx_sync_from_s; and return
            set __hx_sync_from_s (builtin math $second + 60)
        end
        test -O $__hx_sync; or return
        set -l now_s (builtin math -s0 -- (__hx_now) / 1000000)
        if test -r $__hx_sync.last
            read --local --delimiter ' ' last_s every <$__hx_sync.last
            string match -qr '^\d{1,12} \d{1,12}$' -- "$last_s $every"
            and test $now_s -ge $last_s -a $now_s -lt (builtin math $last_s + $every)
            and return
        end
        command /bin/sh -c $__hx_start hx $__hx_sync $now_s
    end

    function __hx_exit --on-event fish_exit
        test $__hx_seq -gt 0; or return
        test -e $__hx_pause; and __hx_is_paused; and return
        test -O $__hx_dir -a -s $__hx_file -a -w $__hx_file; or return
        begin
            builtin printf '\0HX1X'
            and builtin printf '\0e%s' (__hx_now)
            and test -n "$__hx_running"
            and builtin printf '\0n%s' $__hx_running[1] # it ends with the shell
            builtin printf '\0\0'
        end >>$__hx_file 2>/dev/null
        set __hx_running ''
        set __hx_seq 0 # fish 4 may emit fish_exit twice
    end

    function __hx_is_open
        test -z "$HX_PRIVATE$fish_private_mode"; and not __hx_is_paused
    end

    function __hx_is_paused # the pause file is there
        test -f $__hx_pause -a -r $__hx_pause; or return 0
        read --local deadline_s <$__hx_pause
        string match -qr '^\d{1,12}$' -- "$deadline_s"; or return 0
        test $deadline_s = "$__hx_passed_s"; and return 1
        set -l now_us (__hx_date) # a process, but only while recording is paused
        test -n "$now_us"; or return 0
        test $now_us -lt $deadline_s'000000'; and return
        set __hx_passed_s $deadline_s
        return 1
    end

    function __hx_is_fit # to be recorded: no leading blank, no secret, more than a comment
        not string match -qr '^\s*[ \t]' -- $argv[1]; or return
        string match -qr '(?m)^[ \t]*+[^#\s]' -- $argv[1]; or return
        not __hx_names_secret $argv[1]; or return
        __hx_count_bytes $argv[1]
    end

    function __hx_names_secret # hx forget, hx redact
        string match -qr 'hx|history-extended' -- $argv[1]; or return
        string match -qr 'forget|redact' -- $argv[1]; or return
        # the exact pattern is slow on a long text
        test (string length -- $argv[1]) -gt 2000
        or string match -qr \
            '(?s)(?:hx|history-extended)[^\w./-]++(?:-.*\s)?(?:forget|redact)' -- $argv[1]
    end

    # Lines of up to 200 characters are not counted, because 4096 of them are below 4 MiB.
    function __hx_count_bytes
        set -l bytes (string length -- $argv[1])
        string match -qr '[^\x00-\x7f]' -- $argv[1]; and set bytes (builtin math $bytes x 4)
        test $bytes -le 4194304; or return
        set __hx_bytes (builtin math $__hx_bytes + $bytes)
        if test $__hx_bytes -ge 4194304
            set __hx_last_seq $__hx_seq
            set __hx_stop_seq $__hx_seq
        end
        return 0 # set leaves the status as it is
    end

    # A line without a status of its own (set x 1, sleep 9 &) has not failed, unless Ctrl-Z has stopped
    # it. It may be an error in an expansion (echo *.none), which sets a status of 121 to 126.
    function __hx_judge_without_status --no-scope-shadowing
        set outcome '\0x0'
        if test $statuses[1] -ge 121 -a $statuses[1] -le 126; or __hx_has_stopped
            set outcome
        end
    end

    function __hx_has_stopped
        builtin jobs -q; or return
        test -r /proc/self/stat; or return 0
        for pid in (builtin jobs -p)
            test -r /proc/$pid/stat; or continue # it has ended, or it is a builtin
            read --local stat </proc/$pid/stat
            string match -qr '\) T' -- $stat; and return
        end
        return 1
    end

    # A line that waits for no job (a | b &, true; set x 1) leaves the pipestatus of an earlier one.
    function __hx_has_pipeline
        string match -qr '(?<!\|)\|(?!\|)' -- $argv[1]
        and not string match -qr '&\s*$' -- $argv[1]
    end

    function __hx_record_start
        set -q __hx_numbers[1]; or __hx_make_numbers
        set -l seq $__hx_numbers[1]
        begin
            builtin printf '\0HX1S\0n%s' $seq
            and __hx_stamp
            and builtin printf '\0d%s\0c%s\0\0' "$PWD" $argv[1]
        end >>$__hx_file 2>/dev/null
        and set __hx_seq $seq
        and set __hx_running $seq $status_generation
        and set -e __hx_numbers[1]
        or __hx_back_off
    end

    # The seq stands behind the 10 ms, so that commands of one moment stay in order.
    function __hx_stamp
        if test -n "$__hx_boot_us"
            read --local --delimiter . second rest </proc/uptime # "12.34 5.67"
            test $second = "$__hx_checked_s"; or __hx_check_clock $second
            builtin printf '\0O%s\0U%s.%.2s%04d' $__hx_boot_us $second $rest $__hx_numbers[1]
        else
            builtin printf '\0b%s' (__hx_time_of_change)
        end
    end

    function __hx_make_numbers # ten at a time: arithmetic costs six times what a list does
        set __hx_tens (builtin math $__hx_tens + 1)
        set __hx_numbers $__hx_tens{0,1,2,3,4,5,6,7,8,9}
    end

    # fish always reports a full disk itself, so after a failure hx skips 1, 2, 4 ... 64 commands.
    function __hx_back_off
        test $__hx_failed_seq = $__hx_seq; and test $__hx_wait -lt 64
        and set __hx_wait (builtin math $__hx_wait x 2)
        test $__hx_failed_seq = $__hx_seq; or set __hx_wait 1
        set __hx_failed_seq $__hx_seq
        set __hx_skip $__hx_wait
        set __hx_stop_seq 0
    end

    function __hx_go_on
        if test $__hx_skip -gt 0
            set __hx_skip (builtin math $__hx_skip - 1)
            return 1
        end
        set __hx_stop_seq $__hx_last_seq
        test $__hx_seq -lt $__hx_last_seq; or __hx_rotate
    end

    # At most 16 generations of about 4 MiB; fails while the oldest is not drained.
    function __hx_rotate
        not test -e $__hx_dir/$__hx_session.(builtin math $__hx_generation - 15); or return
        set __hx_generation (builtin math $__hx_generation + 1)
        set __hx_file $__hx_dir/$__hx_session.$__hx_generation
        set __hx_last_seq (builtin math $__hx_seq + 4096)
        set __hx_stop_seq $__hx_last_seq
        set __hx_bytes 0
        return 0
    end

    function __hx_make_file # a file begins with its header; one that is empty has none
        set -q __hx_session; or return
        test -O $__hx_dir -a -w $__hx_dir -a ! -s $__hx_file; or return
        set -l format '\0HX1H\0s%s\0g%s\0P%s\0b%s\0Sfish\0V%s\0v%s\0h%s\0u%s\0L%s\0d%s'
        set -l values $__hx_session $__hx_generation $fish_pid $__hx_begin_us \
            $version $__hx_hook "$hostname" "$USER" "$SHLVL" "$PWD"
        for fact in Q$__hx_parent T$__hx_tty B$__hx_boot_id
            string match -qr '^.$' -- $fact; and continue # not known
            set format $format'\0%s'
            set -a values $fact
        end
        set -l mask $umask
        set -g umask 077
        builtin printf $format'\0\0' $values >>$__hx_file 2>/dev/null
        or __hx_back_off
        set -g umask $mask
        test -s $__hx_file
    end

    function __hx_now # microseconds
        if test -n "$__hx_boot_us"
            builtin math -s0 -- "$__hx_boot_us + $(__hx_uptime) * 1000000"
        else
            __hx_time_of_change
        end
    end

    # Microseconds: the second of the last write, then the seq, which keeps commands in order.
    function __hx_time_of_change
        set -l changed_s (builtin path mtime -- $__hx_file 2>/dev/null) # fish 3.5
        set -l number (string sub --start -4 -- 000$__hx_numbers[1])
        test -n "$changed_s"; and builtin echo $changed_s'00'$number
        or builtin echo $__hx_begin_us
    end

@PICKER@
@COMPLETION@

    # a session id from the environment is that of another shell
    set -q __hx_session; and not set -qx __hx_session; or __hx_begin
    set -gu __hx_file $__hx_dir/$__hx_session.$__hx_generation
    test -e $__hx_sync; and set -q __hx_session; and __hx_mind_sync
end
