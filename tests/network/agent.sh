#!/usr/bin/env bash
# What mpirun calls in place of ssh: agent.sh ADDRESS COMMAND..., which it runs on the host that has the address.
case $1 in
    10.77.0.1) host=a ;;
    10.77.0.2) host=b ;;
    *) echo "agent.sh: $1 is none of the two hosts" >&2; exit 1 ;;
esac
shift
exec ip netns exec "$NANOGPT_NET-$host" unshare --uts sh -c "hostname host-$host; $*"
