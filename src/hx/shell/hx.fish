# hx for fish 3.4 and later. Builtins only: a command costs no process.
# fish has no clock. A header holds the time once and the uptime at that moment, events hold the
# uptime (10 ms). Without /proc/uptime the time is that of a change to our own file (1 s).
if builtin status is-interactive
    set -gu __hx_dir @SPOOL@
    set -gu __hx_pause @PAUSE@
    set -gu __hx_exe @HX@

    function __hx_begin
        set -gu __hx_seq 0
        set -gu __hx_running '' # seq of the running command, empty when there is none
        set -gu __hx_generation 0
        set -gu __hx_commands 0
        set -gu __hx_bytes 0
        set -gu __hx_skip 0 # commands not to record after a write that failed
        set -gu __hx_file ''
        set -gu __hx_now ''
        set -gu __hx_begin_us (command date +%s%6N 2>/dev/null)
        # BSD date knows no fractions of a second
        builtin string match -qr '^\d+$' -- "$__hx_begin_us"
        or set __hx_begin_us (command date +%s 2>/dev/null)000000
        builtin string match -qr '^\d{12,}$' -- "$__hx_begin_us"; or return
        set -gu __hx_begin_uptime (__hx_uptime)
        set -gu __hx_session (builtin printf '%016x%s' $__hx_begin_us (__hx_random_hex))
        set -gx HX_SESSION $__hx_session
        __hx_read_facts
        builtin test -d $__hx_dir; or __hx_make_folder
        builtin test -O $__hx_dir; and __hx_check_size
    end

    function __hx_uptime
        builtin test -r /proc/uptime; or return
        builtin read --local --delimiter ' ' up idle </proc/uptime
        builtin echo $up
    end

    function __hx_random_hex # 16 digits
        if builtin test -r /proc/sys/kernel/random/uuid
            builtin read --local uuid </proc/sys/kernel/random/uuid
            # without the digits that all such uuids share
            builtin string replace -r '^(.{8})-(.{4})-.*(.{4})$' '$1$2$3' -- $uuid
        else
            builtin printf '%08x' (builtin random 0 4294967295) (builtin random 0 4294967295)
        end
    end

    function __hx_read_facts # each empty where it is not known
        set -gu __hx_parent ''
        set -gu __hx_boot_id ''
        set -gu __hx_tty (builtin realpath /proc/self/fd/0 2>/dev/null)
        builtin string match -q '/dev/*' -- "$__hx_tty"; or set __hx_tty ''
        if builtin test -r /proc/self/stat
            builtin read --local stat </proc/self/stat
            set __hx_parent (builtin string match -rg '^.*\) \S (\d+) ' -- $stat)
        end
        builtin test -r /proc/sys/kernel/random/boot_id
        and builtin read __hx_boot_id </proc/sys/kernel/random/boot_id
    end

    function __hx_make_folder # root must not put its own folders into the home of somebody else
        set -l existing $__hx_dir
        while not builtin test -d $existing
            set existing (builtin string replace -r '/[^/]*$' '' -- $existing)
            builtin test -n "$existing"; or set existing /
        end
        builtin test -O $existing; or not fish_is_root_user; or return
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

    function __hx_preexec --on-event fish_preexec
        set __hx_running ''
        set -q __hx_session; or return
        __hx_is_private "$argv[1]"; or __hx_names_secret "$argv[1]"; or __hx_is_comment "$argv[1]"
        or __hx_record_start "$argv[1]"
    end

    function __hx_postexec --on-event fish_postexec
        set -l statuses $status $pipestatus
        builtin test -n "$__hx_running"; or return
        __hx_is_paused; or __hx_record_end $statuses
        set __hx_running ''
    end

    function __hx_exit --on-event fish_exit
        builtin test $__hx_seq -gt 0; and not __hx_is_paused; and __hx_is_ready; or return
        __hx_read_clock
        set -l now (builtin string replace -r '^b' e -- $__hx_now)
        builtin printf '\0HX1X\0%s\0\0' $now >>$__hx_file 2>/dev/null
    end

    function __hx_is_private
        builtin test -n "$HX_PRIVATE"; or set -q fish_private_mode
        or builtin string match -qr '^\s*[ \t]' -- $argv[1]
        or __hx_is_paused
    end

    function __hx_is_paused # without a clock a deadline never passes
        builtin test -e $__hx_pause; or return
        builtin test -f $__hx_pause; and builtin test -r $__hx_pause; or return 0
        builtin read --local deadline_s <$__hx_pause
        builtin string match -qr '^\d{1,12}$' -- "$deadline_s"; or return 0
        set -l uptime (__hx_uptime); or return 0
        set -l now_us (builtin math "$__hx_begin_us + ($uptime - $__hx_begin_uptime) * 1000000")
        builtin test $now_us -lt $deadline_s'000000'
    end

    function __hx_names_secret # hx forget, hx redact
        builtin string match -qr 'hx|history-extended' -- $argv[1]; or return
        builtin string match -qr 'forget|redact' -- $argv[1]; or return
        # the exact pattern is slow on a long text
        builtin test (builtin string length -- $argv[1]) -gt 2000
        or builtin string match -qr \
            '(?s)(?:hx|history-extended)[^\w./-]++(?:-.*\s)?(?:forget|redact)' -- $argv[1]
    end

    function __hx_is_comment # no line of it has anything else
        not builtin string match -qr '(?m)^[ \t]*+[^#\s]' -- $argv[1]
    end

    function __hx_record_start
        if builtin test $__hx_skip -gt 0
            set __hx_skip (builtin math $__hx_skip - 1)
            return
        end
        set -l bytes (__hx_bytes_at_most $argv[1])
        builtin test $bytes -le 4194304; and __hx_rotate; or return
        __hx_is_ready; or __hx_make_file; or return
        __hx_read_clock
        set -l seq (builtin math $__hx_seq + 1)
        builtin printf '\0HX1S\0n%s\0%s\0d%s\0c%s\0\0' $seq $__hx_now "$PWD" $argv[1] \
            >>$__hx_file 2>/dev/null
        or begin
            __hx_back_off
            return
        end
        set __hx_seq $seq
        set __hx_running $seq
        set __hx_commands (builtin math $__hx_commands + 1)
        set __hx_bytes (builtin math $__hx_bytes + $bytes)
    end

    function __hx_record_end
        __hx_is_ready; or return
        builtin printf '\0HX1E\0n%s\0D%s\0x%s\0p%s\0\0' \
            $__hx_running "$CMD_DURATION" $argv[1] "$argv[2..-1]" >>$__hx_file 2>/dev/null
        or __hx_back_off
    end

    function __hx_back_off # fish itself reports a full disk: once in 50 commands, not at each
        set __hx_skip 50
    end

    function __hx_bytes_at_most # of both records of a command
        set -l characters (builtin string length -- $argv[1] $PWD)
        set -l bytes (builtin math 200 + (builtin string join ' + ' $characters))
        if builtin string match -qr '[^\x00-\x7f]' -- $argv[1] $PWD
            set bytes (builtin math $bytes x 4)
        end
        builtin echo $bytes
    end

    function __hx_rotate # at most 16 generations of about 4 MiB; fails while the oldest is not drained
        builtin test $__hx_commands -ge 4096; or builtin test $__hx_bytes -ge 4194304; or return 0
        not builtin test -e $__hx_dir/$__hx_session.(builtin math $__hx_generation - 15); or return
        set __hx_generation (builtin math $__hx_generation + 1)
        set __hx_commands 0
        set __hx_bytes 0
    end

    function __hx_is_ready # fish reports by itself whatever it cannot open
        set __hx_file $__hx_dir/$__hx_session.$__hx_generation
        builtin test -O $__hx_dir; and builtin test -f $__hx_file; and builtin test -w $__hx_file
    end

    function __hx_make_file # a file begins with its header
        builtin test -O $__hx_dir; and builtin test -w $__hx_dir; or return
        builtin test -e $__hx_file; and return 1
        set -l mask $umask
        set -g umask 077
        __hx_print_header >>$__hx_file 2>/dev/null
        or __hx_back_off
        set -g umask $mask
        builtin test -s $__hx_file
    end

    function __hx_print_header
        builtin printf '\0HX1H\0s%s\0g%s\0P%s\0b%s\0Sfish\0V%s\0h%s\0u%s\0L%s\0d%s' \
            $__hx_session $__hx_generation $fish_pid $__hx_begin_us $version "$hostname" \
            "$USER" "$SHLVL" "$PWD"
        builtin test -n "$__hx_begin_uptime"; and builtin printf '\0U%s' $__hx_begin_uptime
        builtin test -n "$__hx_parent"; and builtin printf '\0Q%s' $__hx_parent
        builtin test -n "$__hx_tty"; and builtin printf '\0T%s' $__hx_tty
        builtin test -n "$__hx_boot_id"; and builtin printf '\0B%s' $__hx_boot_id
        builtin printf '\0\0'
    end

    function __hx_read_clock # into __hx_now: a field with the time or the uptime
        set -l uptime (__hx_uptime)
        if builtin test -n "$uptime"
            # commands of the same 10 ms stay in order
            set __hx_now U$uptime(builtin printf %04d (builtin math $__hx_seq % 10000))
            return
        end
        builtin printf '\0' >>$__hx_file 2>/dev/null
        set -l changed_s (builtin path mtime -- $__hx_file 2>/dev/null)
        set __hx_now b$__hx_begin_us
        builtin test -n "$changed_s"; and set __hx_now b$changed_s'000000'
    end

    set -q __hx_session; or __hx_begin
end
