# Completes hx unless that is another program, such as the Helix editor.
set -l program (command -s hx)
if not set -q __hx_exe; or test -z "$program"; or test (builtin realpath $program) = (builtin realpath $__hx_exe)
    source (status dirname)/../hx.fish
else
    # what the others know of it
    for folder in $fish_complete_path
        if test $folder != (status dirname) -a -r $folder/hx.fish
            source $folder/hx.fish
            break
        end
    end
end
