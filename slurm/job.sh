# What the jobs beside it have in common; each sources it, in the root of the checkout.
set -uo pipefail
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
nanogpt=${NANOGPT:-./nanogpt}

# Slurm's signals reach the ranks; this shell only has to outlive them. One that gets SIGTERM itself is to end for good: the job was cancelled, or
# Slurm takes it off the node and puts it into the queue again by itself.
ended=
trap 'ended=1' TERM
trap : USR1

if [ -n "${GPU_TYPE:-}${GPUS_PER_NODE:-}" ]; then
    echo "note: GPU_TYPE and GPUS_PER_NODE are for the CUDA device that is yet to come; this run computes on the CPU, whatever GPUs the job has."
fi
"$nanogpt" --version > /dev/null || exit      # builds where need be: once, before several ranks would

# Runs a command of nanogpt as the ranks of this job, one where it has no others. Where it was stopped (3: and has saved; 130: there was nothing to save, or it
# goes on from what is there), the job goes back into the queue.
ranks() {
    local code=0
    srun --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" "$nanogpt" "$@" || code=$?
    if [ -z "$ended" ] && { [ "$code" -eq 3 ] || [ "$code" -eq 130 ]; }; then
        echo "stopped with code $code; job $SLURM_JOB_ID goes back into the queue"
        scontrol requeue "$SLURM_JOB_ID"
    fi
    exit "$code"
}

# train CONFIG OUT_DIR [--key=value …]: goes on with the run in OUT_DIR where it has a checkpoint.
train() {
    local begin=$1 out=$2
    shift 2
    if [ -f "$out/checkpoints/last" ]; then begin=--init_from=resume; fi
    ranks train "$begin" --out_dir="$out" --threads="${SLURM_CPUS_PER_TASK:-0}" ${DATA_DIR:+"--data_dir=$DATA_DIR"} \
        ${GRAD_ACC_STEPS:+"--gradient_accumulation_steps=$GRAD_ACC_STEPS"} "$@"
}
