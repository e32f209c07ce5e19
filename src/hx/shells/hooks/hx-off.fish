# Removes the hook of hx, whatever its version, from the running fish: what its variables and functions
# are called is enough. Its end is recorded as that of a shell.
functions --query __hx_exit; and __hx_exit
for mode in default insert
    for key in \cr \e\[A \eOA # a key that somebody else has bound since stays as it is
        string match -q '*__hx_*' -- (bind --user -M $mode $key 2>/dev/null)
        and bind --erase --user -M $mode $key
    end
end
for folder in (string match '*/hx/shells/completions/fish' $fish_complete_path)
    set -g fish_complete_path (string match --invert -- $folder $fish_complete_path)
end
for line in $__hx_keys
    eval $line
end
for name in (functions --all --names | string match '__hx_*')
    functions --erase $name
end
for name in (set --names | string match '__hx_*') HX_SESSION
    set --erase --global $name
end
