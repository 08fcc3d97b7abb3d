# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for vfiobindctl(1)

# "ADDRESS NAME" for each PCI function; a host given on the command line is asked instead of this one.
__vfiobindctl_devices() {
    local -a host=()
    local i
    for ((i = 1; i < ${#words[@]}; i++)); do
        case ${words[i]} in
            -H | --host) [[ $i -ne $cword ]] && host=(-H "${words[i + 1]}") ;;
            --host=*) host=("${words[i]}") ;;
        esac
    done
    vfiobindctl "${host[@]}" --no-legend --no-pager list 2>/dev/null </dev/null |
        awk -F '  +' '{ print $1, $NF }'
}

# Where several addresses fit, the list shows them with their names; what is inserted is the address alone.
# An address of domain 0 may be typed without it.
__vfiobindctl_complete_address() {
    local address name
    local -a lines=()
    while read -r address name; do
        if [[ $address == "$cur"* ]]; then
            lines+=("$address  $name")
        elif [[ -n $cur && $address == "0000:$cur"* ]]; then
            lines+=("${address#0000:}  $name")
        fi
    done < <(__vfiobindctl_devices)

    compopt -o nosort 2>/dev/null
    if [[ ${#lines[@]} -gt 1 && ${COMP_TYPE:-9} -eq 63 ]]; then # the list, not what is inserted
        COMPREPLY=("${lines[@]}")
    else
        COMPREPLY=("${lines[@]%%  *}")
    fi
    __ltrim_colon_completions "$cur"
}

_vfiobindctl() {
    local cur prev words cword verb="" i
    _init_completion -n := || return

    local general="--host= --quiet --no-pager --no-ask-password --help --version"
    local -A options=(
        [list]="--json= --no-legend" [groups]="--json= --no-legend" [show]="--json="
        [backends]="--json= --no-legend" [leases]="--json= --no-legend" [monitor]="--json="
        [plan]="--driver= --group --force --access --json="
        [bind]="--driver= --group --force --access --dry-run --json="
        [restore]="--group --force --dry-run --json=" [run]="--device= --driver= --group --force --access"
        [reset]="--method= --force --json=" [vfs]="--driver= --force --json="
    )
    local methods="device_specific acpi flr af_flr pm bus cxl_bus"
    local verbs="list groups show backends leases monitor plan bind restore reset vfs run"
    local named=" show plan bind restore reset vfs run "

    for ((i = 1; i < cword; i++)); do
        case ${words[i]} in
            -H | --host | --json | --driver | --device | --method) i=$((i + 1)) ;;
            --) # a command of its own
                if [[ $verb == run ]]; then
                    _command_offset $((i + 1))
                    return
                fi
                ;;
            -*) ;;
            *) verb=${verb:-${words[i]}} ;;
        esac
    done

    case $cur in
        --*=*)
            prev=${cur%%=*}
            cur=${cur#*=}
            ;;
    esac
    case $prev in
        --json) mapfile -t COMPREPLY < <(compgen -W "short pretty off" -- "$cur") ;;
        --driver) mapfile -t COMPREPLY < <(compgen -W "auto vfio kvm xen none host" -- "$cur") ;;
        --method) mapfile -t COMPREPLY < <(compgen -W "$methods" -- "$cur") ;;
        --device) __vfiobindctl_complete_address ;;
        -H | --host) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
        *)
            if [[ $cur == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$general ${options[${verb:-list}]-}" -- "$cur")
                [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
            elif [[ -z $verb ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
            elif [[ $named == *" $verb "* ]]; then
                __vfiobindctl_complete_address
            fi
            ;;
    esac
}

complete -F _vfiobindctl vfiobindctl
