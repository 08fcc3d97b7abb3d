# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for vfiobindctl(1)

# Addresses with their names; an address of domain 0 may be typed without it.
function __vfiobindctl_devices
    set -l typed (commandline -ct)
    vfiobindctl --no-legend --no-pager list 2>/dev/null | awk -F '  +' -v typed="$typed" '
        { print $1 "\t" $NF }
        typed != "" && index($1, "0000:" typed) == 1 { print substr($1, 6) "\t" $NF }'
end

set -l verbs list groups show backends leases monitor plan bind restore reset vfs run
set -l first "not __fish_seen_subcommand_from $verbs"
set -l lists "not __fish_seen_subcommand_from show monitor plan bind restore reset vfs run"
set -l answers "not __fish_seen_subcommand_from run"
set -l moves "__fish_seen_subcommand_from bind restore"
set -l groups "__fish_seen_subcommand_from plan bind restore run"
set -l accesses "__fish_seen_subcommand_from plan bind run"
set -l targets "__fish_seen_subcommand_from plan bind vfs run"
set -l forces "__fish_seen_subcommand_from plan bind restore reset vfs run"
set -l named "__fish_seen_subcommand_from show plan bind restore reset vfs run"
set -l runs "__fish_seen_subcommand_from run"

complete -c vfiobindctl -f

complete -c vfiobindctl -n "$first" -a list -d 'every PCI function with its group and driver'
complete -c vfiobindctl -n "$first" -a groups -d 'the IOMMU groups, and what spoils them'
complete -c vfiobindctl -n "$first" -a show -d 'all about a device'
complete -c vfiobindctl -n "$first" -a backends -d 'the ways to hand over a device, and the default'
complete -c vfiobindctl -n "$first" -a leases -d 'who has devices for a while'
complete -c vfiobindctl -n "$first" -a monitor -d 'what changes, a line each'
complete -c vfiobindctl -n "$first" -a plan -d 'what bind would do, and what is in the way'
complete -c vfiobindctl -n "$first" -a bind -d 'take devices from the host, for VFIO'
complete -c vfiobindctl -n "$first" -a restore -d 'give them back to where they were'
complete -c vfiobindctl -n "$first" -a reset -d 'reset a device where it is'
complete -c vfiobindctl -n "$first" -a vfs -d 'virtual functions, show them or set how many'
complete -c vfiobindctl -n "$first" -a run -d 'a command that has them meanwhile'

complete -c vfiobindctl -n "$named" -a "(__vfiobindctl_devices)"
complete -c vfiobindctl -n "$answers" -l json -x -a 'short pretty off' -d 'the answer as JSON'
complete -c vfiobindctl -n "$lists" -l no-legend -d 'neither header nor closing words'
complete -c vfiobindctl -n "$targets" -l driver -x -a 'auto vfio kvm xen none host' -d 'where to'
complete -c vfiobindctl -n "$groups" -l group -d 'with every endpoint of its IOMMU group'
complete -c vfiobindctl -n "__fish_seen_subcommand_from reset" -l method -x -a 'device_specific acpi flr af_flr pm bus cxl_bus' -d 'instead of the first that works'
complete -c vfiobindctl -n "$forces" -l force -d 'even if something in use is cut off by it'
complete -c vfiobindctl -n "$accesses" -l access -d 'you may open its VFIO node, until it leaves VFIO'
complete -c vfiobindctl -n "$runs" -l device -x -a "(__vfiobindctl_devices)" -d which
complete -c vfiobindctl -n "$moves" -l dry-run -d 'only say what it would do'

complete -c vfiobindctl -s H -l host -x -a '(__fish_complete_user_at_hosts)' -d 'on another machine'
complete -c vfiobindctl -s q -l quiet -d 'do not tell what was done, only what failed'
complete -c vfiobindctl -l no-pager -d 'long output straight to the terminal'
complete -c vfiobindctl -l no-ask-password -d 'fail rather than ask for a password'
complete -c vfiobindctl -s h -l help -d 'help, with a verb all about it'
complete -c vfiobindctl -l version -d 'the release'
