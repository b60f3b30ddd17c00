# Two "hosts" on one machine, to be sourced: two network namespaces with an address each, joined by a veth pair, and `mpirun` that starts a
# rank in each. A host has its own name, too, so the ranks share nothing but files. Needs root, iproute2 and Open MPI.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
net=nanogpt$$                                   # the namespaces are $net-a and $net-b, their ends of the wire eth0
work=$(mktemp -d "${TMPDIR:-/tmp}/$net.XXXXXX")

# need PROGRAM...: ends with a message, as skipped, where this machine cannot have the hosts.
need() {
    local program
    [ "$(id -u)" -eq 0 ] || { echo "skipped: network namespaces need root."; exit 0; }
    for program in ip unshare mpirun.openmpi dotnet "$@"; do
        command -v "$program" > /dev/null || { echo "skipped: there is no $program on this machine."; exit 0; }
    done
    ip netns add "$net-probe" 2> "$work/probe" && ip netns delete "$net-probe" ||
        { echo "skipped: this machine allows no network namespaces ($(head -n 1 "$work/probe"))."; exit 0; }
}

hosts_up() {
    local host number=1
    ip netns add "$net-a" && ip netns add "$net-b"
    ip link add eth0 netns "$net-a" type veth peer name eth0 netns "$net-b"
    for host in a b; do
        ip -n "$net-$host" address add "10.77.0.$number/24" dev eth0
        ip -n "$net-$host" link set lo up
        ip -n "$net-$host" link set eth0 up
        echo "10.77.0.$number slots=1" >> "$work/hosts"
        number=$((number + 1))
    done
}

# Ends what still runs on the hosts, then the hosts.
hosts_down() {
    local host
    for host in a b; do
        ip netns pids "$net-$host" 2> /dev/null | xargs -r kill -9
        ip netns delete "$net-$host" 2> /dev/null
    done
    rm -rf "$work"
}

# on HOST COMMAND...: runs a command on host a or b.
on() {
    local host=$1
    shift
    ip netns exec "$net-$host" unshare --uts sh -c "hostname host-$host"' && exec "$@"' on "$@"
}

# both COMMAND...: mpirun on host a, with one rank on each host, over the wire between them. OPTIONS holds more of mpirun's.
both() {
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 NANOGPT_NET=$net \
        on a mpirun.openmpi --hostfile "$work/hosts" -n 2 --map-by node --bind-to none --mca plm_rsh_agent "$here/agent.sh" \
        --mca btl tcp,self --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 ${OPTIONS:-} "$@"
}

nanogpt=(dotnet "${NANOGPT_PROGRAM:-$root/src/NanoGpt.Cli/bin/Release/net10.0/nanogpt.dll}")
