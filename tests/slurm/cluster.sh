# A Slurm cluster of two nodes on this machine, as root: munged, slurmctld and a slurmd for each node, everything in the folder $cluster. Sourced.
# It gets along without cgroups (proctrack/linuxproc, task/none), and its ports are chosen at random, so it disturbs no other.

start_cluster() {
    local host port node
    host=$(hostname -s) port=$((20000 + RANDOM % 20000))
    mkdir -p "$cluster"/{state,spool-one,spool-two}
    chmod 755 "$cluster"
    export SLURM_CONF=$cluster/slurm.conf
    cat > "$SLURM_CONF" <<EOF
ClusterName=nanogpt
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$port
AuthType=auth/munge
# A job that is put back into the queue waits as long as a credential lives: 5 seconds instead of two minutes.
AuthInfo=socket=$cluster/munge.socket,cred_expire=5
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool-%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd-%n.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=batch_sched_delay=1,sched_interval=2
ReturnToService=2
KillWait=60
MpiDefault=none
GresTypes=gpu
NodeName=one NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=2 RealMemory=4000 Gres=gpu:h100:2
NodeName=two NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=2 RealMemory=4000 Gres=gpu:h100:2
PartitionName=all Nodes=one,two Default=YES MaxTime=60
EOF
    # GPUs that are none: what is tested is that they are asked for.
    printf 'Name=gpu Type=h100 File=%s\n' /dev/null /dev/zero > "$cluster/gres.conf"
    head -c 1024 /dev/urandom > "$cluster/munge.key"
    chmod 400 "$cluster/munge.key"
    munged --force --key-file="$cluster/munge.key" --socket="$cluster/munge.socket" --pid-file="$cluster/munged.pid" \
        --log-file="$cluster/munged.log" --seed-file="$cluster/munge.seed" || return
    slurmctld -f "$SLURM_CONF" || return
    for node in one two; do slurmd -N "$node" -f "$SLURM_CONF" || return; done
    within 30 eval '[ "$(sinfo -h -N -t idle -o %N | wc -l)" -eq 2 ]'
}

stop_cluster() {
    local pid
    scancel --user=root 2> /dev/null
    within 5 eval '[ -z "$(squeue -h 2>/dev/null)" ]'
    for pid in "$cluster"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")" 2> /dev/null; done
    sleep 1
    # What is left of jobs: all of it has the path of this cluster's configuration in its environment.
    for pid in $(grep -lsF "SLURM_CONF=$cluster/" /proc/[0-9]*/environ | cut -d/ -f3); do
        [ "$pid" -ne $$ ] && [ "$(ps -o comm= -p "$pid")" != run ] && kill -9 "$pid" 2> /dev/null
    done
}

# within SECONDS COMMAND…: waits until the command succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.3
    done
}
