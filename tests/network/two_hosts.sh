#!/usr/bin/env bash
# Trains over two "hosts" (hosts.sh): with a whole wire, with one that loses packets, and with one that is cut. Takes about half a minute.
#
#   tests/network/two_hosts.sh        # as root, after a build; the last line is "N passed, N failed"
set -uo pipefail
source "$(dirname "$0")/hosts.sh"
need iptables
trap hosts_down EXIT
hosts_up
cd "$work" || exit 1

passed=0 failed=0
check() {
    local what=$1
    shift
    if "$@"; then passed=$((passed + 1)) && echo "passed: $what"; else failed=$((failed + 1)) && echo "FAILED: $what"; fi
}

train() {
    both "${nanogpt[@]}" train "$root/configs/quickstart.json" --gradient_accumulation_steps=2 --n_layer=2 --n_embd=64 --batch_size=4 --max_iters=60 \
        --log_interval=1 --eval_interval=20 --eval_iters=4 --checkpoint_interval=5 --always_save_checkpoint=True --sample_tokens=0 --threads=1 "$@" > out 2> err
}
losses() { grep -o '"iter":[0-9]*,"\(loss\|train_loss\)":[^,]*' "$1/metrics.jsonl"; }
same() { [ "$(losses "$1" | wc -l)" -ge 61 ] && cmp <(losses "$1") <(losses "$2"); }
sent() { on a cat /sys/class/net/eth0/statistics/tx_bytes; }
dropped() { on a iptables -vxnL INPUT | awk '/statistic/ { print $1 }'; }
silent() { ! ip netns pids "$net-a" | grep -q . && ! ip netns pids "$net-b" | grep -q .; }
nothing() { [ ! -s err ] || { cat err; false; }; }

"${nanogpt[@]}" prepare dotnet_docs_char > prepare.log || { cat prepare.log; exit 1; }

before=$(sent)
check "two hosts train" train --out_dir=whole
check "they are two hosts to each other" grep -q 'ranks  *2 on 2 hosts' out
check "and nothing is said on stderr" nothing
# 61 steps of 113,024 gradients in fp32, of which a host sends half and passes the other half on.
check "the gradients went over the wire" [ $(($(sent) - before)) -gt $((61 * 113024 * 4)) ]

for host in a b; do on "$host" iptables -A INPUT -i eth0 -m statistic --mode random --probability 0.01 -j DROP; done
check "they train while 1% of the packets are lost" train --out_dir=lossy
check "packets were lost indeed ($(dropped) at host a)" [ "$(dropped)" -gt 5 ]
check "the losses are the same, to the bit" same whole lossy
for host in a b; do on "$host" iptables -F INPUT; done

# cut NAME: starts a long run, cuts host b off at iteration 30 and waits for the end of mpirun. Sets code and seconds.
cut() {
    rm -f out
    train --out_dir="$1" --max_iters=1000000 &
    until grep -q '^iter 30:' out 2> probe || ! kill -0 $!; do sleep 0.1; done
    ip -n "$net-b" link set eth0 down
    local start=$SECONDS
    timeout 60 tail --pid=$! -f /dev/null
    seconds=$((SECONDS - start)) code=0
    wait $! || code=$?
    sleep 2
}
lost='^error: rank 1 on host-b has given no sign of life for [0-9]* s (at step [0-9]*, .*the job ends here; the last checkpoint is good'

# Keep-alive: mpirun itself finds that it has lost the other host's daemon; without, it waits for that for a quarter of an hour.
OPTIONS="--mca oob_tcp_keepalive_time 5 --mca oob_tcp_keepalive_intvl 2 --mca oob_tcp_keepalive_probes 3"
cut apart
check "a host is cut off: the job ends within 30 s (here: $seconds s)" [ "$seconds" -lt 30 ]
check "with an exit code that is not 0 (here: $code)" [ "$code" -ne 0 ]
check "one message names the rank, the host and the step" [ "$(grep -c "$lost" err)" -eq 1 -a "$(grep -c '^error' err)" -eq 1 ]
check "no process is left on either host" silent
grep '^error' err || cat err
OPTIONS=

ip -n "$net-b" link set eth0 up
resume() { both "${nanogpt[@]}" train --out_dir=apart --init_from=resume --max_iters=60 > out 2> err; }
check "the last checkpoint is good: both hosts resume" resume
check "and the losses are those of an unbroken run" same whole apart

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
