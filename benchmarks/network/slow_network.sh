#!/usr/bin/env bash
# How a step splits over a slow network: two "hosts" on this machine (tests/network/hosts.sh), whose wire `tc … tbf` holds to RATE, train the
# 10.6M model of configs/shakespeare_char.json, with one thread each. Prints a row of a table per setting: medians of the steps after the first.
#
#   benchmarks/network/slow_network.sh RATE ACCUMULATION [STEPS [KEYS…]]      # as root, after a build; RATE as tc has it: 1gbit, 100mbit, or full
set -uo pipefail
rate=${1:?a rate, as in 1gbit} accumulation=${2:?gradient_accumulation_steps} steps=${3:-6}
shift $(($# < 3 ? $# : 3))
source "$(dirname "$0")/../../tests/network/hosts.sh"
need tc
trap hosts_down EXIT
hosts_up
[ "$rate" = full ] || for host in a b; do tc -n "$net-$host" qdisc add dev eth0 root tbf rate "$rate" burst 256kb latency 50ms; done
cd "$work" || exit 1

"${nanogpt[@]}" prepare dotnet_docs_char > /dev/null || exit 1
for dtype in float32 bfloat16; do
    for overlap in False True; do
        both "${nanogpt[@]}" train "$root/configs/shakespeare_char.json" --dataset=dotnet_docs_char --out_dir=out --batch_size=4 --dropout=0 --log_interval=1 \
            --gradient_accumulation_steps=$((2 * accumulation)) --max_iters="$steps" --eval_interval=100000 --eval_iters=1 --sample_tokens=0 --threads=1 \
            --grad_wire_dtype=$dtype --overlap_grad_reduce=$overlap "$@" > log 2>&1 || { tail -n 5 log; exit 1; }
        sed -n 's/.*"iter":\([0-9]*\),"loss".*"ms":\([0-9.]*\).*"waiting":\([0-9.e-]*\).*/\1 \2 \3/p' out/metrics.jsonl | awk '$1 > 0 { print $2, $3 }' | sort -n |
            awk -v what="| $rate | $accumulation | $dtype | $overlap |" '{ ms[NR] = $1; wait[NR] = $1 * $2 }
                END { m = int((NR + 1) / 2); printf "%s %.0f | %.0f | %.0f | %.0f%% |\n", what, ms[m], ms[m] - wait[m], wait[m], 100 * wait[m] / ms[m] }'
        rm -rf out
    done
done
